"""The reference pages agree with the code."""

import dataclasses
import inspect
import re
import runpy
import subprocess
import sys

import msgspec
import pytest

import data
from pipeline import errors
from pipeline.metadata import uri
from pipeline.record.run_record import BaselineRecord, GateRecord, NodeRecord, RunRecord, TrainRecord, TrialRecord
from tests.support.pages import DOCS, PAGES, ROOT, code_in, section
from trainer_module.serving import signatures
from trainer_module.supervision.child_environment import TF_CONFIG

COMMAND_LINE = DOCS / "reference/command-line.md"


def test_the_generated_pages_are_up_to_date():
    generated = runpy.run_path(str(DOCS / "generate.py"))["pages"]()
    assert len(generated) >= 3
    for page, text in generated.items():
        assert page.read_text() == text, f"{page.name} is stale: run `make reference`"


def test_the_reference_lists_exactly_the_exit_codes_of_the_code():
    codes = {value for name, value in inspect.getmembers(errors) if name.isupper() and isinstance(value, int)}
    assert {
        int(code) for code in re.findall(r"^\| (\d+) \|", section("reference/exit-codes.md", "python -m pipeline"), re.M)
    } == codes


@pytest.mark.parametrize(
    ("heading", "record"),
    [
        ("Keys", RunRecord),
        ("nodes", NodeRecord),
        ("gates", GateRecord),
        ("train", TrainRecord),
        ("trials", TrialRecord),
        ("baseline", BaselineRecord),
    ],
)
def test_the_reference_lists_exactly_the_keys_of_the_record(heading, record):
    rows = re.findall(r"^\| (`.*?) \|", section("reference/run-json.md", heading), re.M)
    assert {key for row in rows for key in code_in(row)} == {field.name for field in msgspec.structs.fields(record)}


def test_the_reference_documents_every_class_that_declares_a_dataset():
    documented = set(re.findall(r"^### (\w+)$", PAGES[DOCS / "reference/datasets.md"], re.M))
    assert documented == {name for name in data.__all__ if dataclasses.is_dataclass(getattr(data, name))}


def rows(text):
    """Returns for each table row: first cell -> (names in backticks, types with shapes) in the other cells, as two sets."""
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]
    return {
        first: ({*code_in(" ".join(others))}, {*re.findall(r"(?:float|int)\d+ \[[^\]]*\]", " ".join(others))})
        for first, *others in table
    }


def test_the_reference_lists_the_signatures_of_the_code():
    page, code = rows(PAGES[DOCS / "reference/signatures.md"]), rows(signatures.__doc__)
    for name in (signatures.SERVING_DEFAULT, signatures.PREDICT_RAW, signatures.TRANSFORM_LABELS):
        assert f"`{name}`" in page and f"`{name}`" in code
    assert page[f"`{signatures.SERVING_DEFAULT}`"][0] == {signatures.EXAMPLES, "tf.Example"}
    tasks = [task.replace("_", " ").replace("multiclass", "multi-class") for task in signatures.SERVED_PREDICTION]
    for task, prediction in zip(tasks, signatures.SERVED_PREDICTION.values(), strict=True):
        assert page[task] == code[task]
        assert prediction in page[task][0]


@pytest.mark.parametrize("module", ["trainer_module.cluster.role", "trainer_module.cluster.tf_config"])
def test_the_reference_lists_exactly_the_options_of_the_cluster_programs(module):
    done = subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    written = re.search(rf"^### python -m {re.escape(module)}.*?\n(.*?)(?=^###|\Z)", PAGES[COMMAND_LINE], re.M | re.S)[1]
    options = set(re.findall(r"^  (?:-h, )?(--\w+)", done.stdout, re.M)) - {"--help"}
    assert set(re.findall(r"^\| `(--\w+)", written, re.M)) == options


def test_the_reference_lists_exactly_the_environment_variables_of_the_code():
    written = set(code_in(section("reference/command-line.md", "Environment variables"))) - {"--debug"}
    assert written == {errors.DEBUG, uri.USER, uri.PASSWORD, TF_CONFIG}
