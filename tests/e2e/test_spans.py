"""Data in spans: a model of an older span is trained and evaluated, but never replaces the model of a newer span."""

import shutil

import pytest

from data import metric_names
from pipeline import node_ids
from tests.support import cli

QUICK = ("--dataset", "toy.fruit", "--set", "train.steps=100", "--set", "train.batch_size=50")


@pytest.mark.slow
def test_a_model_of_an_older_span_is_evaluated_but_not_pushed(toy, tmp_path):
    data, output = tmp_path / "data", tmp_path / "out"
    for day in ("2026-11-19", "2026-11-20"):
        (data / day).mkdir(parents=True)
        shutil.copy(toy / "toy" / "fruit.csv", data / day)
    spans = (*QUICK, "--data", data / "{YYYY}-{MM}-{DD}" / "*.csv")
    newest = cli.run(output, *spans, path=toy)
    assert (newest.code, newest.record["status"]) == (0, "pushed"), newest.err
    served = cli.served_versions(output)
    assert (output / "serving" / served[0] / "assets.extra" / "span").read_text() == "20777"

    older = cli.run(output, *spans, "--set", "data.span=20776", "--set", "train.seed=2", path=toy)
    assert (older.code, older.record["status"]) == (0, "unchanged"), older.err
    states = older.states()
    assert (states[node_ids.TRAINER], states[node_ids.EVALUATOR], states[node_ids.PUSHER]) == ("done", "done", "skipped")
    assert "ends with span 20776" in older.record["why"] and "span 20777" in older.record["why"]
    assert older.record["metrics"][metric_names.AUC] > 0.7 and older.record["blessed"] is False
    assert cli.served_versions(output) == served

    # The model of the older span is no baseline either: the next model is compared with the served one.
    again = cli.run(output, *spans, "--set", "train.seed=3", path=toy)
    assert again.record["baseline"]["run_id"] == newest.record["run_id"]
