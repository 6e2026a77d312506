"""The chief waits for the last evaluation. Its checkpoints are empty files here."""

import signal
import threading
import time

import pytest

from data import metric_names
from tests.support.settings import train_settings
from trainer_module.cluster import last_evaluation
from trainer_module.cluster.evaluator_heartbeat import EvaluatorHeartbeat
from trainer_module.supervision import watchdog
from trainer_module.supervision.control import Control, InterruptedTraining, StalledError
from trainer_module.training.job import Job
from trainer_module.training.training_state import TrainingState

SECONDS = 30


@pytest.fixture
def job(tmp_path):
    """Returns a function: a job of 4 steps whose checkpoint of step 4 is on disk."""
    for suffix in ("index", "data-00000-of-00001"):
        (tmp_path / f"model.ckpt-4.{suffix}").write_text("")
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-4"\n')

    def job(steps=4, **settings):
        training = train_settings(steps, best=metric_names.AUC, **settings)
        return Job("taxi", "none", {}, [], [], "", "", str(tmp_path), training)

    return job


def evaluate(job):
    metrics = {metric_names.AUC: 0.6, "loss": 1.0, "global_step": 4}
    TrainingState(job).evaluations.record(f"{job.folder}/model.ckpt-4", metrics, None)


def wait(job, stall_seconds=SECONDS):
    watchdog.run(lambda control: last_evaluation.wait_for(job, control), grace_seconds=1, stall_seconds=stall_seconds)


def test_the_chief_waits_until_the_last_checkpoint_was_evaluated(job):
    ended = threading.Event()
    waiting = threading.Thread(target=lambda: (last_evaluation.wait_for(job(), Control()), ended.set()), daemon=True)
    waiting.start()
    assert not ended.wait(1.5)
    evaluate(job())
    assert ended.wait(SECONDS)


def test_the_chief_waits_for_an_evaluation_that_is_longer_than_stall_seconds(job):
    def evaluate_slowly():
        for _ in range(8):
            time.sleep(0.5)
            EvaluatorHeartbeat(job().folder).beat()
        evaluate(job())

    threading.Thread(target=evaluate_slowly, daemon=True).start()
    wait(job(), stall_seconds=2)
    assert TrainingState(job()).read().finished


def test_the_chief_does_not_wait_for_ever_for_a_dead_evaluator(job):
    EvaluatorHeartbeat(job().folder).beat()  # its last one
    with pytest.raises(StalledError):
        wait(job(), stall_seconds=1)


def test_a_stop_request_ends_the_wait(job):
    control = Control()
    control.request_stop(signal.SIGTERM)
    with pytest.raises(InterruptedTraining):
        last_evaluation.wait_for(job(), control)


def test_a_training_that_ended_before_its_stop_rule_applied_must_continue(job):
    unfinished = job(steps=100, patience=5)
    evaluate(unfinished)  # the best of all
    with pytest.raises(last_evaluation.UnfinishedError, match=r"ended at step 4 of 100.*must continue"):
        last_evaluation.wait_for(unfinished, Control())
