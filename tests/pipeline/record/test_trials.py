"""How the run record gets the trials and the plot from the folder of a search."""

import json
import time
from datetime import datetime, timezone
from types import SimpleNamespace

import keras_tuner as kt
import msgspec
import pytest
from ml_metadata.proto import metadata_store_pb2

from data import metric_names
from pipeline import node_ids
from pipeline.record import trials
from pipeline.record.run_record import RunRecord
from trainer_module.tuning import best, trial_table
from trainer_module.tuning.trial_summary import TrialSummary
from trainer_module.tuning.trial_table import TrialTable

KEYS = ["id", "state", "values", "metric", "objective", "step", "steps", "seconds", "resumed_from", "continues", "why", "log"]


@pytest.fixture
def record():
    started = datetime.fromtimestamp(time.time() - 60, timezone.utc).isoformat()  # the times of files are coarse
    return RunRecord(run_id="run-1", dataset="taxi", model="canned_linear", code="c0de", data="taxi.csv", started=started)


@pytest.fixture
def fill(record, tmp_path):
    """Returns a function that fills in the trials of a run. `folder`: that of the search, named by the Tuner."""

    def fill(folder=None, trial_count=3):
        config = SimpleNamespace(
            tuning=SimpleNamespace(trials=trial_count), searches=str(tmp_path / "searches"), output_dir=str(tmp_path / "out")
        )
        trials.fill_record(record, config, outputs_of_tuner(folder, tmp_path / "tuner") if folder else {})
        return record

    return fill


def outputs_of_tuner(search_folder, artifact):
    """The output of a Tuner: the best hyper-parameters, which name the folder of their search."""
    artifact.mkdir(exist_ok=True)
    tagged = best.tag_with_origin(kt.HyperParameters(), "taxi", "canned_linear", search_folder)
    (artifact / best.FILE).write_text(json.dumps(tagged.get_config()))
    return {node_ids.BEST_HYPERPARAMETERS: metadata_store_pb2.Artifact(uri=str(artifact))}


def search(folder, *summaries):
    table = TrialTable(str(folder))
    for summary in summaries:
        table.put(summary)
    return str(folder)


def trial(number, **fields):
    return TrialSummary(
        str(number),
        **{"state": "completed", "values": {"rate": 0.1}, "metric": metric_names.AUC, "direction": "higher"} | fields,
    )


def test_a_trial_is_recorded_with_its_keys_in_order_and_without_its_curve(fill, tmp_path):
    folder = search(tmp_path / "searches" / "a", trial(0, objective=0.8, step=20, steps=20, curve=[(10, 0.7), (20, 0.8)]))
    [recorded] = fill(folder).trials
    assert list(msgspec.to_builtins(recorded)) == KEYS
    assert (recorded.objective, recorded.step, recorded.continues) == (0.8, 20, None)


def test_trials_are_in_the_order_of_their_numbers_and_can_be_written(fill, tmp_path):
    folder = search(tmp_path / "searches" / "a", *(trial(number) for number in (10, 2, 0)))
    filled = fill(folder)
    assert [recorded.id for recorded in filled.trials] == ["0", "2", "10"]
    assert msgspec.json.decode(msgspec.json.encode(filled), type=RunRecord) == filled


def test_without_a_result_the_newest_search_since_the_start_of_the_run_counts(fill, tmp_path):
    search(tmp_path / "searches" / "a", trial(0, state="interrupted"))
    [recorded] = fill(folder=None).trials
    assert recorded.state == "interrupted"


def test_a_search_from_before_the_run_does_not_count(fill, record, tmp_path):
    search(tmp_path / "searches" / "a", trial(0))
    record.started = datetime.fromtimestamp(time.time() + 60, timezone.utc).isoformat()
    assert fill(folder=None).trials == []


def test_a_run_without_a_search_has_no_trials(fill, tmp_path):
    assert fill(search(tmp_path / "searches" / "a", trial(0)), trial_count=0).trials == []


def test_the_plot_is_copied_into_the_folder_of_the_run(fill, tmp_path):
    folder = search(tmp_path / "searches" / "a", trial(0))
    assert fill(folder).trials_plot is None
    (tmp_path / "searches" / "a" / trial_table.PLOT).write_bytes(b"png")
    copy = tmp_path / "out" / "runs" / "run-1" / trial_table.PLOT
    assert fill(folder).trials_plot == str(copy)
    assert copy.read_bytes() == b"png"
