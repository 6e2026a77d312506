"""A run that searches for hyper-parameters, and the ones after it: what they take over, and until when."""

from pathlib import Path

import pytest

from pipeline import node_ids
from tests.support import cli

RUN = ("--dataset", "toy.fruit", "--set", "train.steps=60", "--to", node_ids.TRAINER)
TRIALS = 2


@pytest.fixture(scope="module")
def go(toy, tmp_path_factory):
    """Runs into one folder."""
    output = tmp_path_factory.mktemp("tuned") / "fruit"

    def run(*args):
        result = cli.run(output, *RUN, *args, path=toy)
        assert result.code == 0, result.err
        return result

    return run


@pytest.fixture(scope="module")
def defaults(go):
    """The model's own values: of a run before there was a search."""
    return go().record["hyperparameters"]


@pytest.fixture(scope="module")
def tuned(defaults, go):
    """The run with a search."""
    return go("--tune", TRIALS, "--set", "tune.oracle=random", "--set", "tune.steps=20", "--set", "tune.evaluations=1")


@pytest.mark.slow
def test_its_record_tells_the_trials_the_best_values_and_where_their_picture_is(tuned, defaults):
    record = tuned.record
    assert tuned.states()[node_ids.TUNER] == "done"
    assert [trial["state"] for trial in record["trials"]] == ["completed"] * TRIALS
    assert all(trial["seconds"] > 0 and trial["step"] == 20 for trial in record["trials"])
    best = max(record["trials"], key=lambda trial: trial["objective"])
    assert record["hyperparameters"] == defaults | best["values"]
    assert record["hyperparameters"] != defaults
    assert Path(record["trials_plot"]).read_bytes().startswith(b"\x89PNG")
    assert record["run_id"] in record["trials_plot"]


@pytest.mark.slow
def test_later_runs_without_a_search_train_with_what_it_has_found_until_told_otherwise(tuned, defaults, go):
    again = go()
    assert again.record["hyperparameters"] == tuned.record["hyperparameters"]
    assert node_ids.TUNER not in again.states()
    assert go("--set", "tune.reuse=false").record["hyperparameters"] == defaults
    assert go().record["hyperparameters"] == tuned.record["hyperparameters"]


@pytest.mark.slow
def test_a_value_that_is_given_goes_before_the_one_that_was_found(tuned, go):
    given = go("--set", "hyperparameters.embedding_dim=3").record["hyperparameters"]
    assert given == tuned.record["hyperparameters"] | {"embedding_dim": 3}


@pytest.mark.slow
def test_a_run_that_begins_at_the_trainer_takes_what_the_search_has_found(tuned, go):
    partial = go("--from", node_ids.TRAINER, "--no-cache")
    assert (partial.states()[node_ids.TRANSFORM], partial.states()[node_ids.TRAINER]) == ("reused", "done")
    assert partial.record["hyperparameters"] == tuned.record["hyperparameters"]
