"""Every sample of an output on a page is what the code prints for its values; no page repeats a word by mistake."""

import io
import re

import pytest
from rich.console import Console
from tensorflow_model_analysis.proto import validation_result_pb2

from components.evaluator import logic
from data import TASKS, metric_names
from pipeline.config import pipeline_config
from pipeline.dag import create_pipeline
from pipeline.record.run_record import RunRecord
from pipeline.terminal import summary
from pipeline.terminal.node_progress import Progress
from tests.support.pages import BLOCKS, DOCS, PAGES, README, ROOT, prose
from trainer_module.supervision.progress_report import ProgressReport
from trainer_module.training import progress as training_progress

FIRST_RUN = DOCS / "tutorials/first-run.md"
NODE = re.compile(r"^(\w+) +(done) +([\d.]+) s$", re.M)
STEP = re.compile(r"^ +step ([\d,]+)/([\d,]+)  loss ([\d.]+)  ([\d,]+) steps/s$", re.M)
METRIC = re.compile(r"^(\w+) +([\d,.]+)$", re.M)
PUSHED = re.compile(r"^Blessed and pushed to (\S+)$", re.M)


def sample(page):
    """Returns the outputs of a run that a page shows, without the DAG, as one text."""
    return "\n".join(
        block.text for block in BLOCKS if block.page == page and block.language == "text" and "─►" not in block.text
    )


def number(text):
    """Returns the number that a text with separators of thousands means."""
    return float(text.replace(",", ""))


def lines_of(text):
    """Returns the lines of a sample or an output, without empty ones and without marks of an omission."""
    return [line.rstrip() for line in text.splitlines() if line.strip() and line != "..."]


@pytest.fixture
def console():
    """A console that is no terminal, as wide as the samples need."""
    return Console(file=io.StringIO(), width=100)


@pytest.mark.parametrize("page", [README, FIRST_RUN], ids=["README", "the first run"])
def test_the_sample_of_a_run_is_what_the_terminal_shows(page, console, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    caplog.set_level("INFO", logger=training_progress.LOGGER.name)
    config = pipeline_config.load(None, (), {})
    text = sample(page)
    with Progress(console, [node.id for node in create_pipeline(config).components]) as progress:
        for node_id, state, seconds in NODE.findall(text):
            progress.node(node_id, state, float(seconds))
        for step, steps, loss, speed in STEP.findall(text):
            training_progress.log(ProgressReport(int(number(step)), int(number(steps)), float(loss), number(speed)))
    record = RunRecord("one", config.dataset_name, config.model_name, "c0de", config.data_path, status="pushed")
    names = [metric_names.EXAMPLE_COUNT, *TASKS[config.dataset.task].metrics]
    record.metrics = dict.fromkeys(names, 0.0) | {name: number(value) for name, value in METRIC.findall(text)}
    assert set(record.metrics) == set(names)
    [record.pushed_path] = (f"{tmp_path}/{path}" for path in PUSHED.findall(text))
    summary.show(record, console, config.output_dir)
    assert set(lines_of(text)) - set(lines_of(console.file.getvalue())) == set()


def test_the_sample_of_a_refusal_is_the_text_of_the_evaluator():
    bound = {"value_threshold": {"lower_bound": {"value": 0.7}}}
    failure = {"metric_key": {"name": metric_names.AUC}, "metric_value": {"double_value": {"value": 0.58}}}
    validation = {"slice_key": {}, "failures": [failure | {"metric_threshold": bound}]}
    result = validation_result_pb2.ValidationResult(metric_validations_per_slice=[validation])
    decision = logic.decide(result, had_baseline=False, unfit_baseline=None)
    assert " ".join(sample(DOCS / "guides/airflow.md").split()) == f"Refused. {decision.why}"


def repeated_words(text):
    """Returns the words that a paragraph has twice in succession, also across the end of a line."""
    pairs = re.findall(r"\b([A-Z]?[a-z]+)(?: +| *\n *)(?=([a-z]+)\b)", text)
    return [second for first, second in pairs if first.lower() == second]


def test_a_repeated_word_is_found():
    assert repeated_words("The the tests tested tested\nand why. That is\nis all.") == ["the", "tested", "is"]
    assert repeated_words("## Run it\n\nIt uses the data.") == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_repeats_a_word_by_mistake(page):
    assert repeated_words(prose(page)) == []
