"""Whole searches with real trials, each in a process of its own, and what TFX's Tuner does with them."""

import itertools
import json
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from tfx.components.tuner import executor

from data import metric_names
from tests.support.searches import in_a_process, job, planned, searched, starts, states, tuner, until
from trainer_module.checkpoints.evaluations import Evaluations
from trainer_module.tuning import best, oracles, trial, trial_table

TRAINING = {"steps": 20, "summary_steps": 0}


def seed(*fates):
    """A seed with which the first trials have these fates."""
    for number in itertools.count():
        what = planned("/nowhere", job("toy.fateful"), seed=number)
        oracle = oracles.build(what.tuning, what.search_space(), metric_names.AUC, "higher", what.steps)
        if tuple(oracle._random_values()["fate"] for _ in fates) == fates:
            return number


def test_what_diverges_or_dies_costs_one_trial(tmp_path, examples):
    what = job("toy.fateful", examples=examples, **TRAINING)
    fates = ("diverges", "dies", "learns")
    found, trials = searched(tmp_path, what, stub=False, seed=seed(*fates), parallel=2, evaluations=2)
    assert [t.values["fate"] for t in trials] == list(fates)
    assert states(trials) == ["failed", "failed", "completed"]
    assert trials[0].why.startswith("TrainingError: The loss is nan")
    assert trials[1].why == "its process was killed by SIGKILL (out of memory?)"
    assert "Traceback" in Path(trials[0].log).read_text()
    plan = found._spec
    evaluated = Evaluations(plan.training_folder("2"), metric_names.AUC, "higher").read()
    assert trials[2].objective == evaluated.best.metrics[metric_names.AUC] > 0.7
    assert [step for step, _ in trials[2].curve] == [10, 20]

    # What TFX does when the search is over.
    found.results_summary()
    found.search_space_summary()
    outputs = {key: [SimpleNamespace(uri=str(tmp_path / key))] for key in ("best_hyperparameters", "tuner_results")}
    executor.write_best_hyperparameters(found, outputs)
    config = json.loads((tmp_path / "best_hyperparameters" / best.FILE).read_text())
    assert best.values(config, "toy.fruit", "toy.fateful") == trials[2].values
    assert best.search_folder(config) == found.project_dir
    assert trial_table.newest_search(str(tmp_path), since=0) == found.project_dir
    [result] = json.loads((tmp_path / "tuner_results" / "tuner_results.json").read_text())
    assert (result["trial_id"], result["score"]) == ("2", trials[2].objective)


def interrupted(root, what, how, **tuning):
    """Runs a search until a trial after the first has a checkpoint, and ends it. Returns the records then."""
    folder = tuner(root, what, stub=False, **tuning).project_dir

    def reached():
        found = trial_table.read(folder)
        return len(found) >= 2 and found[0].state == "completed" and len(found[1].curve) >= 1 and found

    with in_a_process(root, what, stub=False, **tuning) as process:
        until(reached, "second trial")
        process.send_signal(how)
        assert process.wait(120) == -how
    return trial_table.read(folder)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_search_that_is_ended_goes_on_and_finds_the_same(tmp_path, examples, how):
    what = job("toy.fateful", {"fate": "learns"}, examples=examples, steps=2000, summary_steps=0)
    tuning = {"trials": 2, "oracle": "bayesian", "evaluations": 4, "stop_early": False}
    before = interrupted(tmp_path, what, how, **tuning)
    assert states(before)[:2] == ["completed", "running" if how == signal.SIGKILL else "interrupted"]
    _, trials = searched(tmp_path, what, stub=False, **tuning)
    assert states(trials) == ["completed"] * 2
    assert [starts(t) for t in trials] == [1, 2]
    assert trials[0] == before[0]
    assert trials[1].values == before[1].values
    assert trials[1].resumed_from >= 500
    if how == signal.SIGKILL:  # after SIGTERM the checkpoint was another one, and evaluations come at a distance from it
        _, whole = searched(tmp_path / "whole", what, stub=False, **tuning)
        assert [(t.values, t.curve) for t in trials] == [(t.values, t.curve) for t in whole]


@pytest.mark.slow
def test_hyperband_gives_the_best_more_steps(tmp_path, examples):
    what = job("toy.fateful", {"fate": "learns"}, examples=examples, steps=60, summary_steps=0)
    found, trials = searched(tmp_path, what, stub=False, oracle="hyperband", trials=4, evaluations=3, parallel=2)
    assert states(trials) == ["completed"] * 4
    assert [(t.steps, t.resumed_from) for t in trials] == [(20, 0)] * 3 + [(60, 20)]
    promoted = trials[3]
    first = {t.id: t for t in trials[:3]}[promoted.continues]
    assert first.objective == max(t.objective for t in trials[:3])
    assert promoted.values == first.values
    assert promoted.curve[0] == first.curve[0]
    assert found.get_best_hyperparameters()[0].get("rate") in {t.values["rate"] for t in trials}


@pytest.mark.slow
def test_a_hopeless_trial_is_stopped_and_keeps_its_value(tmp_path, examples):
    what = job("toy.fateful", {"fate": "learns"}, examples=examples, steps=40, summary_steps=0)
    found, _ = searched(tmp_path, what, stub=False, trials=3, evaluations=4)
    for report in Path(found.project_dir).glob(f"trial_*/{trial.REPORT}"):  # no auc is as good as that
        was = json.loads(report.read_text())
        report.write_text(json.dumps(was | {"curve": [[step, 1.01] for step, _ in was["curve"]]}))
    found, trials = searched(tmp_path, what, stub=False, trials=4, evaluations=4)
    assert states(trials) == ["completed"] * 3 + ["stopped early"]
    assert trials[3].step == 20
    assert trials[3].objective == max(value for _, value in trials[3].curve)
    assert "the median of 3 others" in trials[3].why
    assert found.oracle.trials["3"].status == "COMPLETED"


def folder(root="/nowhere", model="toy.fateful", fixed=None, training=None, **tuning):
    return planned(root, job(model, fixed, **(training or {})), **tuning).folder


@pytest.mark.parametrize(
    "changed",
    [
        {"oracle": "bayesian"},
        {"seed": 2},
        {"steps": 50},
        {"objective": metric_names.BINARY_ACCURACY},
        {"stop_early": False},
        {"evaluations": 2},
        {"fixed": {"rate": 0.5}},
        {"model": "toy.peak"},
        {"training": {"steps": 50}},
        {"training": {"seed": 7}},
        {"training": {"batch_size": 7}},
        {"training": {"best": metric_names.BINARY_ACCURACY}},
        {"training": {"patience": 7}},
        {"training": {"export": "final"}},
    ],
    ids=str,
)
def test_what_changes_the_outcome_is_another_search(changed):
    assert folder(**changed) != folder()


@pytest.mark.parametrize(
    "changed",
    [
        {"trials": 30},
        {"parallel": 4},
        {"training": {"retries": 1}},
        {"training": {"grace_seconds": 3}},
        {"objective": metric_names.AUC},
    ],
    ids=str,
)
def test_what_does_not_is_the_same_search(changed):
    assert folder(**changed) == folder()


def test_another_range_is_another_search(monkeypatch):
    before = folder(model="toy.peak")
    import toy.peak

    def wider(hp):
        hp.Float("x", 0.0, 2.0, default=0.5)
        hp.Int("units", 2, 32, sampling="log", default=8)
        hp.Choice("kind", ["a", "b"], default="a")

    monkeypatch.setattr(toy.peak, "search_space", wider)
    assert folder(model="toy.peak") != before


def test_the_objective_and_the_steps_are_those_of_the_training_unless_others_are_named(tmp_path):
    plan = planned(tmp_path, job(steps=70, best=metric_names.AUC))
    assert (plan.objective, plan.direction, plan.steps) == (metric_names.AUC, "higher", 70)
    plan = planned(tmp_path, job(), objective=metric_names.BINARY_ACCURACY, steps=30)
    assert (plan.objective, plan.direction, plan.steps) == (metric_names.BINARY_ACCURACY, "higher", 30)
