"""A run searches for hyperparameters, and later runs use the values it found until a setting says otherwise."""

from pathlib import Path

import pytest

from pipeline import node_ids
from tests.support import cli

RUN = ("--dataset", "toy.fruit", "--set", "train.steps=60", "--to", node_ids.TRAINER)
TRIALS = 2


@pytest.fixture(scope="module")
def run(toy, tmp_path_factory):
    """Returns a function: arguments -> result of a successful run. All runs use the same output folder."""
    output = tmp_path_factory.mktemp("tuned") / "fruit"

    def run_with(*args):
        result = cli.run(output, *RUN, *args, path=toy)
        assert result.code == 0, result.err
        return result

    return run_with


@pytest.fixture(scope="module")
def defaults(run):
    """The model's default hyperparameters, from a run before the search."""
    return run().record["hyperparameters"]


@pytest.fixture(scope="module")
def tuned(defaults, run):
    """The result of a run with a search."""
    return run("--tune", TRIALS, "--set", "tune.oracle=random", "--set", "tune.steps=20", "--set", "tune.evaluations=1")


@pytest.mark.slow
def test_the_record_lists_the_trials_the_best_values_and_the_path_of_the_plot(tuned, defaults):
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
def test_later_runs_train_with_the_values_found_unless_tune_reuse_is_false(tuned, defaults, run):
    again = run()
    assert again.record["hyperparameters"] == tuned.record["hyperparameters"]
    assert node_ids.TUNER not in again.states()
    assert run("--set", "tune.reuse=false").record["hyperparameters"] == defaults
    assert run().record["hyperparameters"] == tuned.record["hyperparameters"]


@pytest.mark.slow
def test_a_configured_value_overrides_the_value_found(tuned, run):
    hyperparameters = run("--set", "hyperparameters.embedding_dim=3").record["hyperparameters"]
    assert hyperparameters == tuned.record["hyperparameters"] | {"embedding_dim": 3}


@pytest.mark.slow
def test_a_run_from_the_trainer_uses_the_values_found(tuned, run):
    partial = run("--from", node_ids.TRAINER, "--no-cache")
    assert (partial.states()[node_ids.TRANSFORM], partial.states()[node_ids.TRAINER]) == ("reused", "done")
    assert partial.record["hyperparameters"] == tuned.record["hyperparameters"]
