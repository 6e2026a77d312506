"""The parts that the roles of a cluster play in a training: of a chief or a worker, of an evaluator, of one alone."""

from __future__ import annotations

import logging
import os
import threading
import time

from data.discovery import UnknownNameError
from trainer_module import inputs
from trainer_module.checkpoints.evaluations import MissingMetricError
from trainer_module.cluster import addresses, evaluator, strategies
from trainer_module.cluster.evaluator_heartbeat import EvaluatorHeartbeat
from trainer_module.cluster.hooks import AveragedVariableError, LockstepHook, StopInTimeHook
from trainer_module.cluster.tf_config import CHIEF, EVALUATOR, PS, WORKER, Task
from trainer_module.estimators.compatibility import UnfitModelError
from trainer_module.estimators.hyperparameters import HyperParameterError
from trainer_module.estimators.keras_conversion import KerasModelError
from trainer_module.estimators.warm_start import WarmStartError
from trainer_module.serving.outputs import MissingPredictionError
from trainer_module.supervision import heartbeat
from trainer_module.supervision.watchdog import Control
from trainer_module.training import attempt, loop
from trainer_module.training.job import Job
from trainer_module.training.result import TrainingError
from trainer_module.training.training_state import TrainingState

# What would be raised again the next time.
PERMANENT_ERRORS = (
    TrainingError,
    MissingMetricError,
    MissingPredictionError,
    HyperParameterError,
    UnfitModelError,
    KerasModelError,
    WarmStartError,
    UnknownNameError,
    inputs.NoRecordsError,
    inputs.DamagedFileError,
    AveragedVariableError,
)

_LOOK_EVERY_SECONDS = 0.5
_log = logging.getLogger(__name__)


class UnfinishedError(RuntimeError):
    """A training that ended, but has to go on."""


def run(job: Job, task: Task | None, control: Control, *, supervised: bool) -> None:
    """Plays the part of a task.

    Args:
        job: what to train.
        task: which process this is; None trains alone.
        control: of whoever watches.
        supervised: whether someone has looked after the checkpoints before. Where pods are restarted by Kubernetes nobody has.

    Raises:
        UnfinishedError: the training has ended, but has to go on.
        trainer_module.training.result.TrainingError: it did not end as it should.
        trainer_module.supervision.watchdog.InterruptedTraining: it was asked to leave.
    """
    if task is None:
        loop.train(attempt.build(job, control, run_config=strategies.run_config(job.settings.cluster, None)))
        TrainingState(job).mark_last_checkpoint()
    elif task.role == EVALUATOR:
        evaluator.run(job, task.others(CHIEF).get(f"{CHIEF}-0"), control)
    else:
        if task.role == CHIEF and not supervised:
            TrainingState(job).fall_back()
        _train(job, task, control)


def _train(job: Job, task: Task, control: Control) -> None:
    _expect_peers(task, job.settings.cluster.start_seconds)
    config = strategies.run_config(job.settings.cluster, task)
    shard, is_chief = inputs.Shard(*task.shard), task.role == CHIEF
    training = attempt.build(job, control, shard=shard, is_chief=is_chief, run_config=config)
    lockstep = "train_distribute" in config
    hook = LockstepHook() if lockstep else StopInTimeHook(job.settings.steps)
    loop.run_train_and_evaluate(training, more_hooks=[hook])
    if is_chief:
        _wait_for_last_evaluation(job, control)


def _wait_for_last_evaluation(job: Job, control: Control) -> None:
    """Waits until the last checkpoint was evaluated: with the chief's success a TFJob ends, and everything else with it.

    That long, but not for ever: meanwhile the only sign of progress is that the evaluator gets on.

    Raises:
        UnfinishedError: the training has to go on.
    """
    training_state, evaluation = TrainingState(job), EvaluatorHeartbeat(job.folder)
    training_state.mark_last_checkpoint()
    while not (state := training_state.read()).finished:
        if state.evaluated and not state.complete:
            raise UnfinishedError(
                f"The training ended at step {state.step} of {job.settings.steps}, but its last checkpoint is better than "
                "the stop rule had thought: it has to go on. If that repeats itself at the same step, the input has run dry: "
                "is the training split empty, or smaller than one batch for each process?"
            )
        if evaluation.felt():
            control.heartbeat()
        if control.stopping:
            control.raise_if_stopping()
        time.sleep(_LOOK_EVERY_SECONDS)


def _expect_peers(task: Task, seconds: float) -> None:
    """Ends this process if those that it cannot train without have not answered after some time: TensorFlow would wait."""
    peers = task.others(*([PS] if PS in task.cluster else [CHIEF, WORKER]))

    def call() -> None:
        missing = addresses.unanswered(peers, seconds)
        for problem in missing:
            _log.error("%s", problem)
        if missing:
            logging.shutdown()
            os._exit(heartbeat.RESTART)

    threading.Thread(target=call, name="peers", daemon=True).start()
