"""The evaluator of a cluster, with an Estimator that has one weight: which checkpoints it evaluates, when it ends."""

import itertools
import signal
import socket
import threading
from pathlib import Path

import pytest
import tensorflow as tf

from data import TASKS
from tests.support import toy_estimator as toy
from tests.support.settings import train_settings
from trainer_module.checkpoints.evaluations import Evaluations
from trainer_module.cluster import addresses, evaluator
from trainer_module.cluster.evaluator_heartbeat import EvaluatorHeartbeat
from trainer_module.supervision.control import Control, InterruptedTraining
from trainer_module.training import attempt, training_state
from trainer_module.training.job import Job

SECONDS = 30


@pytest.fixture
def job(tmp_path, monkeypatch, toy_metrics):
    """Returns a function: makes a job whose Estimator has one weight. Its evaluation rows have the label 1: step 3 is best."""

    def job(steps=4, evaluation=None, **settings):
        settings = {"eval_seconds": 0} | settings
        work = Job("taxi", "none", {}, [], [], "", "", str(tmp_path), train_settings(steps, **settings))
        rows = evaluation or toy.rows(y=1.0, batches=2)
        monkeypatch.setattr(
            attempt,
            "build",
            lambda job, control: toy.training(tmp_path, steps, eval_rows=rows, control=control, **settings),
        )
        return work

    return job


@pytest.fixture
def toy_metrics(monkeypatch):
    """Lets the loss be a selection metric of binary classification."""
    task = TASKS["binary_classification"]
    monkeypatch.setitem(task.metrics, "loss", "lower")


def train(folder, step):
    toy.estimator(folder, checkpoint_steps=1000).train(toy.rows(), max_steps=step)


def evaluate(job, chief=None, control=None, **options):
    """Runs the evaluator in a thread, for at most SECONDS. Returns the summary of the evaluations."""
    errors = []

    def run():
        try:
            evaluator.run(job, chief, control, **options)
        except BaseException as error:
            errors.append(error)

    control = control or Control()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(SECONDS)
    assert not thread.is_alive(), "the evaluator does not end"
    if errors:
        raise errors[0]
    return record(job).read()


def record(job):
    return Evaluations(job.folder, "loss", "lower")


def test_it_ends_after_it_has_evaluated_and_exported_the_last_step(job, tmp_path):
    train(tmp_path, 4)
    summary = evaluate(job())
    assert (summary.last.step, summary.best.step, summary.last.checkpoint) == (4, 4, "model.ckpt-4")
    assert (tmp_path / summary.last.saved_model / "saved_model.pb").exists()
    assert toy.checkpoints(tmp_path / "best") == ["model.ckpt-4"]
    assert not (tmp_path / "cluster" / "evaluated").exists()


def test_it_evaluates_the_newest_checkpoint_while_the_training_continues(job, tmp_path):
    train(tmp_path, 3)
    evaluated = []

    def evaluation():
        evaluated.append(tf.train.latest_checkpoint(tmp_path))
        if len(evaluated) == 1:
            train(tmp_path, 7)
        return toy.rows(y=1.0, batches=2)()

    summary = evaluate(job(steps=7, evaluation=evaluation))
    assert [Path(path).name for path in evaluated] == ["model.ckpt-3", "model.ckpt-7"]
    assert (summary.best.step, summary.last.step) == (3, 7)


def test_a_checkpoint_deleted_during_its_evaluation_is_still_evaluated_and_kept(job, tmp_path):
    train(tmp_path, 3)

    def evaluation():
        train(tmp_path, 4)
        for path in tmp_path.glob("model.ckpt-3.*"):
            path.unlink()
        return toy.rows(y=1.0, batches=2)()

    summary = evaluate(job(evaluation=evaluation))
    assert (summary.best.step, summary.last.step) == (3, 4)
    assert tf.train.load_variable(str(tmp_path / "best" / "model.ckpt-3"), "weight") == pytest.approx(toy.weight(3))


def test_a_checkpoint_deleted_before_its_evaluation_is_skipped(job, tmp_path, monkeypatch):
    train(tmp_path, 3)
    real, calls = tf.io.gfile.glob, itertools.count()

    def glob(patterns):
        if "model.ckpt-3" in str(patterns) and next(calls) == 0:
            train(tmp_path, 4)
            return []
        return real(patterns)

    monkeypatch.setattr(tf.io.gfile, "glob", glob)
    assert evaluate(job()).last.step == 4


def test_after_the_stop_rule_it_ends_when_the_chief_has_marked_its_last_checkpoint(job, tmp_path):
    job_to_stop = job(steps=100, patience=2)
    record(job_to_stop).record(f"{tmp_path}/model.ckpt-1", {"loss": 0.0, "global_step": 1}, None)
    train(tmp_path, 4)
    state = training_state.TrainingState(job_to_stop)
    control = Control()
    threading.Timer(3, lambda: control.request_stop(signal.SIGTERM)).start()
    with pytest.raises(InterruptedTraining):  # it goes on waiting: the chief may still write another checkpoint
        evaluate(job_to_stop, control=control)
    assert (state.read().complete, state.read().finished) == (True, False)
    state.mark_last_checkpoint()
    assert state.read().finished
    evaluate(job_to_stop)


def test_it_stops_on_request(job):
    control = Control()
    control.request_stop(signal.SIGTERM)
    with pytest.raises(InterruptedTraining):
        evaluate(job(), control=control)


class Counting(Control):
    """Counts the heartbeats, and requests a stop at the second one."""

    beats = 0

    def heartbeat(self):
        self.beats += 1
        if self.beats == 2:
            self.request_stop(signal.SIGTERM)
        super().heartbeat()


def test_while_the_chief_answers_waiting_does_not_count_as_a_stall(job):
    control = Counting()
    with socket.create_server((addresses.LOOPBACK, 0)) as chief, pytest.raises(InterruptedTraining):
        evaluate(job(), chief=f"{addresses.LOOPBACK}:{chief.getsockname()[1]}", control=control, connect_every_seconds=0)
    assert control.beats >= 2


def test_while_the_chief_does_not_answer_waiting_counts_as_a_stall(job):
    control = Counting()
    threading.Timer(2, lambda: control.request_stop(signal.SIGTERM)).start()
    with addresses.reserve(1) as [nobody], pytest.raises(InterruptedTraining):
        evaluate(job(), chief=nobody, control=control, connect_every_seconds=0)
    assert control.beats == 1  # the one that the stop itself makes


def test_the_chief_sees_that_an_evaluation_makes_progress(job, tmp_path):
    train(tmp_path, 4)
    seen_by_the_chief = EvaluatorHeartbeat(str(tmp_path))
    assert not seen_by_the_chief.has_beaten()
    evaluate(job())
    assert seen_by_the_chief.has_beaten()


# How often it evaluates.


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(
    ("settings", "took", "apart"),
    [({"eval_seconds": 60}, 7, 60), ({"overhead": 0.2}, 7, 35), ({"overhead": 0.5}, 7, 14), ({"eval_seconds": 0}, 7, 0)],
)
def test_the_settings_decide_the_seconds_between_evaluations(settings, took, apart):
    clock = Clock()
    pace = evaluator.EvaluationPace(train_settings(1000, **settings), clock)
    assert pace.due(1)
    with pace.evaluating():
        clock.now += took
    clock.now = 100 + apart - 0.1
    assert not pace.due(2)
    assert pace.due(1000)  # the last step is evaluated at once
    clock.now = 100 + max(apart, took)
    assert pace.due(2)
