"""The description of a search: what makes it another search, and what each of its trials is told."""

import keras_tuner as kt
import pytest
from keras_tuner.engine.trial import Trial

from data import metric_names
from tests.support.searches import build_search_spec, job
from trainer_module.training.settings import Cluster
from trainer_module.tuning import hyperband, search_spec


def folder(root="/nowhere", model="toy.fateful", fixed=None, training=None, **tuning):
    return build_search_spec(root, job(model, fixed, **(training or {})), **tuning).folder


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
def test_a_setting_that_changes_the_result_gives_another_folder(changed):
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
def test_a_setting_that_does_not_change_the_result_keeps_the_folder(changed):
    assert folder(**changed) == folder()


def test_another_range_in_the_space_gives_another_folder(monkeypatch):
    before = folder(model="toy.peak")
    import toy.peak

    def wider(hp):
        hp.Float("x", 0.0, 2.0, default=0.5)
        hp.Int("units", 2, 32, sampling="log", default=8)
        hp.Choice("kind", ["a", "b"], default="a")

    monkeypatch.setattr(toy.peak, "search_space", wider)
    assert folder(model="toy.peak") != before


def test_objective_and_steps_default_to_those_of_the_training(tmp_path):
    plan = build_search_spec(tmp_path, job(steps=70, best=metric_names.AUC))
    assert (plan.objective, plan.direction, plan.steps) == (metric_names.AUC, "higher", 70)
    plan = build_search_spec(tmp_path, job(), objective=metric_names.BINARY_ACCURACY, steps=30)
    assert (plan.objective, plan.direction, plan.steps) == (metric_names.BINARY_ACCURACY, "higher", 30)


def kt_trial(number, **values):
    hp = kt.HyperParameters()
    hp.values = {"x": 0.25, "units": 4, "kind": "a", **values}
    return Trial(hp, trial_id=number)


def test_a_trial_is_evaluated_at_equal_distances_alone_and_without_an_export():
    what = job(steps=100, export="best", cluster=Cluster(workers=2, ps=1), fresh_run_id="run 2")
    spec = build_search_spec("/searches", what, evaluations=3).trial_spec(kt_trial("7"))
    settings = spec.job.settings
    assert (settings.steps, settings.checkpoint_steps, settings.eval_seconds) == (100, 34, 0)
    assert (settings.export, settings.cluster, settings.fresh_run_id) == ("final", Cluster(), "")
    assert spec.job.hyperparameters == {"x": 0.25, "units": 4, "kind": "a"}
    assert spec.job.folder.startswith("/searches/") and spec.job.folder.endswith("/trial_7/training")


def test_a_trial_of_hyperband_has_the_steps_that_hyperband_gives_it():
    plan = build_search_spec("/searches", job(steps=100), oracle="hyperband")
    trial = kt_trial("0", **{hyperband.BUDGET: 33})
    assert plan.steps_of(trial) == plan.trial_spec(trial).job.settings.steps == 33
    assert hyperband.BUDGET not in plan.trial_spec(trial).job.hyperparameters


@pytest.mark.parametrize(
    ("tuning", "can_stop_early"), [({}, True), ({"stop_early": False}, False), ({"oracle": "hyperband"}, False)]
)
def test_only_a_trial_that_may_be_stopped_early_is_told_where_the_others_are(tuning, can_stop_early):
    plan = build_search_spec("/searches", job(), **tuning)
    assert plan.trial_spec(kt_trial("0")).search_folder == (plan.folder if can_stop_early else None)


def test_the_log_of_a_trial_in_a_remote_folder_is_on_this_machine(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert search_spec.log_file("/searches/abc/trial_0") == "/searches/abc/trial_0/trial.log"
    assert search_spec.log_file("gs://bucket/abc/trial_0") == f"{tmp_path}/bucket/abc/trial_0/trial.log"
