"""One trial with a real Estimator, in this process."""

import dataclasses
import os
import signal
from pathlib import Path

import keras_tuner as kt
import pytest
from keras_tuner.engine.trial import Trial
from msgspec import structs

from data import metric_names
from tests.support.searches import build_search_spec, job
from trainer_module.checkpoints import evaluations
from trainer_module.checkpoints.checkpoints import step_of
from trainer_module.cluster import role
from trainer_module.files import json_file
from trainer_module.supervision.control import Control, InterruptedTraining
from trainer_module.tuning import hyperband, trial, trial_table
from trainer_module.tuning.trial_files import TrialReport, read_report, read_spec, write_spec

LEARNS = {"rate": 0.1, "fate": "learns"}


@pytest.fixture
def search(tmp_path, examples):
    """Returns a function: (settings of the training, settings of the search) -> SearchSpec."""

    def make_spec(training=None, **tuning):
        settings = {"steps": 40, "summary_steps": 0} | (training or {})
        return build_search_spec(tmp_path, job("toy.fateful", examples=examples, **settings), **tuning)

    return make_spec


def kt_trial(number, **values):
    hp = kt.HyperParameters()
    hp.values = {**LEARNS, **values}
    return Trial(hp, trial_id=number)


def run(plan, number, **values):
    """Runs a trial. Returns (exit status, report)."""
    plan.prepare(kt_trial(number, **values))
    return trial.run(plan.trial_folder(number)), read_report(plan.trial_folder(number))


def evaluation_summary(plan, number):
    return evaluations.Evaluations(plan.training_folder(number), plan.objective, plan.direction).read()


def test_a_trial_is_evaluated_at_equal_distances_and_keeps_its_checkpoint(search):
    plan = search(evaluations=2)
    status, report = run(plan, "0")
    assert (status, report.ended_by, report.error, report.resumed_from) == (role.DONE, "steps", None, 0)
    assert [step for step, _ in report.curve] == [20, 40]
    assert report.value(plan.direction, best=True) == evaluation_summary(plan, "0").best.metrics[metric_names.AUC]
    assert step_of(plan.training_folder("0")) == 40
    assert not Path(plan.training_folder("0"), "export").exists()


def test_the_report_of_a_diverged_trial_has_the_error(search):
    status, report = run(search(), "0", fate="diverges")
    assert (status, report.ended_by) == (role.FAILED, None)
    assert report.error.startswith("TrainingError: The loss is nan")


@pytest.mark.slow
def test_an_interrupted_trial_continues_with_the_same_curve(search):
    plan = search(evaluations=2)
    _, whole = run(plan, "0")
    plan.prepare(kt_trial("1"))
    spec = read_spec(plan.trial_folder("1"))
    half = dataclasses.replace(spec.job, settings=structs.replace(spec.job.settings, steps=20))
    write_spec(plan.trial_folder("1"), dataclasses.replace(spec, job=half))
    trial.run(plan.trial_folder("1"))
    _, report = run(plan, "1")
    assert (report.resumed_from, report.curve) == (20, whole.curve)


def test_a_promoted_trial_continues_from_the_last_checkpoint_of_the_other(search):
    plan = search(oracle="hyperband", evaluations=2)
    _, short = run(plan, "0", **{hyperband.BUDGET: 20})
    assert [step for step, _ in short.curve] == [20]
    promoted = {hyperband.CONTINUES: "0", hyperband.BUDGET: 40}
    _, report = run(plan, "1", **promoted)
    assert report.resumed_from == 20
    assert report.curve[:1] == short.curve
    _, whole = run(plan, "2", **{hyperband.BUDGET: 40})
    assert report.curve == whole.curve
    assert step_of(plan.training_folder("0")) == 20  # the first trial is unchanged


@pytest.mark.slow
def test_an_interrupted_promoted_trial_keeps_its_own_checkpoint(search):
    plan = search(oracle="hyperband")
    run(plan, "0", **{hyperband.BUDGET: 20})
    promoted = {hyperband.CONTINUES: "0", hyperband.BUDGET: 40}
    run(plan, "1", **promoted)
    plan.prepare(kt_trial("1", **promoted))
    assert step_of(plan.training_folder("1")) == 40


def test_the_last_evaluation_counts_where_the_last_model_is_exported(search):
    report = TrialReport(curve=[(10, 0.9), (20, 0.8)])
    for export, value in (("best", 0.9), ("final", 0.8), ("latest", 0.8)):
        plan = search({"export": export})
        assert report.value("higher", best=plan.counts_best_evaluation) == value
    assert report.value("lower", best=True) == 0.8
    assert TrialReport().value("higher", best=False) is None


def other_trial(number, value):
    curve = [(step, value) for step in (10, 20, 30, 40)]
    return trial_table.TrialSummary(number, "completed", {}, metric_names.AUC, "higher", value, curve=curve)


@pytest.mark.parametrize(("objective_of_others", "ended_at"), [(1.01, 20), pytest.param(0.0, 40, marks=pytest.mark.slow)])
def test_a_trial_worse_than_the_median_is_stopped(search, objective_of_others, ended_at):
    plan = search(evaluations=4)
    json_file.write(
        f"{plan.folder}/{trial_table.FILE}", [dataclasses.asdict(other_trial(str(n), objective_of_others)) for n in range(3)]
    )
    status, report = run(plan, "3")
    assert status == role.DONE
    assert report.curve[-1][0] == ended_at
    assert report.early == (ended_at < 40)
    if report.early:
        assert report.ended_by.startswith("stopped early: at step 20 its best value was 0.")
        status_again, report_again = run(plan, "3")  # a second run reads the evaluations of the first
        assert (status_again, report_again.early, report_again.curve) == (role.DONE, True, report.curve)


def test_a_trial_that_is_stopped_by_a_signal_saves_and_is_not_finished(search, monkeypatch):
    plan = search({"steps": 100_000})
    beats = []
    beat = Control.heartbeat

    def count(self):
        beats.append(1)
        if len(beats) == 100:
            os.kill(os.getpid(), signal.SIGINT)
        beat(self)

    monkeypatch.setattr(Control, "heartbeat", count)
    with pytest.raises((KeyboardInterrupt, InterruptedTraining)):
        run(plan, "0")
    assert 0 < step_of(plan.training_folder("0")) < 1000
    assert read_report(plan.trial_folder("0")).ended_by is None


def test_a_trial_checks_the_rule_at_the_first_step_after_an_evaluation():
    checks = []
    control = trial.ReportingControl(Control(), lambda: checks.append(1))
    control.heartbeat()
    assert not checks
    control.raise_if_stopping()  # called for each batch of an evaluation
    control.raise_if_stopping()
    control.heartbeat()
    control.heartbeat()
    assert checks == [1]


def test_the_control_of_a_trial_passes_on_a_stop_request():
    watched = Control()
    control = trial.ReportingControl(watched, lambda: None)
    assert not control.stopping
    watched.request_stop(signal.SIGTERM)
    assert control.stopping
    with pytest.raises(InterruptedTraining):
        control.raise_if_stopping()
