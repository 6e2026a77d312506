"""The evaluator of a cluster, with an Estimator that has one weight: which checkpoints it evaluates, when it ends."""

import itertools
import signal
import threading
import time
from pathlib import Path

import pytest
import tensorflow as tf

from tests.support import toy_estimator as toy
from tests.support.settings import train_settings
from trainer_module.checkpoints.evaluations import Evaluations
from trainer_module.cluster import addresses, evaluator, evaluator_heartbeat, run_role
from trainer_module.supervision import watchdog
from trainer_module.supervision.watchdog import Control, InterruptedTraining
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
    task = training_state.TASKS["binary_classification"]
    monkeypatch.setitem(task.metrics, "loss", "lower")


def train(folder, step):
    toy.estimator(folder, checkpoint_steps=1000).train(toy.rows(), max_steps=step)


def evaluate(job, chief=None, control=None):
    """Runs the evaluator in a thread, for at most SECONDS. Returns the summary of the evaluations."""
    errors = []

    def run():
        try:
            evaluator.run(job, chief, control)
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


def test_while_the_chief_answers_waiting_does_not_count_as_a_stall(job, monkeypatch):
    monkeypatch.setattr(evaluator, "_CONNECT_EVERY_SECONDS", 0)
    beats, control = [], Control()
    monkeypatch.setattr(
        control, "heartbeat", lambda: beats.append(1) or (len(beats) > 1 and control.request_stop(signal.SIGTERM))
    )
    monkeypatch.setattr(addresses, "answers", lambda address: address == "chief:1")
    with pytest.raises(InterruptedTraining):
        evaluate(job(), chief="chief:1", control=control)
    assert len(beats) >= 2


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


# The chief waits for the evaluator.


def test_the_chief_waits_until_the_last_checkpoint_is_evaluated(job, tmp_path):
    work = job()
    train(tmp_path, 4)
    ended = threading.Event()
    waiting = threading.Thread(target=lambda: (run_role._wait_for_last_evaluation(work, Control()), ended.set()), daemon=True)
    waiting.start()
    assert not ended.wait(1.5)
    evaluate(work)
    assert ended.wait(SECONDS)


def test_the_chief_waits_for_an_evaluation_that_is_longer_than_stall_seconds(job, tmp_path, monkeypatch):
    monkeypatch.setattr(evaluator_heartbeat, "_EVERY_SECONDS", 0)
    train(tmp_path, 4)

    def batches():
        for _ in range(8):
            time.sleep(0.5)
            yield [1.0]

    work = job(evaluation=lambda: tf.data.Dataset.from_generator(batches, tf.float32).map(lambda y: ({"x": y}, y)))
    threading.Thread(target=evaluate, args=(work,), daemon=True).start()
    watchdog.run(lambda control: run_role._wait_for_last_evaluation(work, control), grace_seconds=1, stall_seconds=2)
    assert record(work).read().last.step == 4


def test_the_chief_does_not_wait_for_ever_for_a_dead_evaluator(job, tmp_path):
    train(tmp_path, 4)
    evaluator_heartbeat.EvaluatorHeartbeat(str(tmp_path)).beat()  # its last heartbeat
    with pytest.raises(watchdog.StalledError):
        watchdog.run(lambda control: run_role._wait_for_last_evaluation(job(), control), grace_seconds=1, stall_seconds=1)


def test_a_training_that_ended_before_its_stop_rule_applied_must_continue(job, tmp_path):
    work = job(steps=100, patience=5)
    train(tmp_path, 4)
    record(work).record(f"{tmp_path}/model.ckpt-4", {"loss": 0.0, "global_step": 4}, None)
    with pytest.raises(run_role.UnfinishedError, match=r"ended at step 4 of 100.*must continue"):
        run_role._wait_for_last_evaluation(work, Control())
