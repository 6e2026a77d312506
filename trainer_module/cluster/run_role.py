"""Runs a role of a cluster in this process: chief, worker, evaluator, or one process that trains alone."""

from __future__ import annotations

import logging
import os
import threading

from data.discovery import UnknownNameError
from trainer_module import inputs
from trainer_module.checkpoints.evaluations import MissingMetricError
from trainer_module.cluster import addresses, evaluator, last_evaluation, strategies
from trainer_module.cluster.cluster_task import CHIEF, EVALUATOR, PS, WORKER, ClusterTask
from trainer_module.cluster.hooks import AveragedVariableError, LockstepHook, StopInTimeHook
from trainer_module.estimators.compatibility import UnfitModelError
from trainer_module.estimators.hyperparameters import HyperParameterError
from trainer_module.estimators.keras_conversion import KerasModelError
from trainer_module.estimators.warm_start import WarmStartError
from trainer_module.serving.outputs import MissingPredictionError
from trainer_module.supervision import heartbeat
from trainer_module.supervision.control import Control
from trainer_module.training import attempt, loop
from trainer_module.training.job import Job
from trainer_module.training.result import TrainingError
from trainer_module.training.training_state import TrainingState

# A restart would raise these errors again.
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

_log = logging.getLogger(__name__)


def run(job: Job, task: ClusterTask | None, control: Control, *, supervised: bool) -> None:
    """Runs the role of a task.

    Args:
        job: the training.
        task: which process this is; None trains alone.
        control: the link to the watchdog.
        supervised: whether a supervisor has started this process. A supervisor falls back to a readable checkpoint before it
            restarts a chief; a chief that Kubernetes restarts must do so itself.

    Raises:
        trainer_module.cluster.last_evaluation.UnfinishedError: the training has ended, but must continue.
        trainer_module.training.result.TrainingError: the training has failed.
        trainer_module.supervision.control.InterruptedTraining: `control` requested a stop.
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


def _train(job: Job, task: ClusterTask, control: Control) -> None:
    _exit_without_peers(task, job.settings.cluster.start_seconds)
    config = strategies.run_config(job.settings.cluster, task)
    shard, is_chief = inputs.Shard(*task.shard), task.role == CHIEF
    training = attempt.build(job, control, shard=shard, is_chief=is_chief, run_config=config)
    lockstep = "train_distribute" in config
    hook = LockstepHook() if lockstep else StopInTimeHook(job.settings.steps)
    loop.run_train_and_evaluate(training, more_hooks=[hook])
    if is_chief:
        last_evaluation.wait_for(job, control)


def _exit_without_peers(task: ClusterTask, seconds: float) -> None:
    """Ends this process if a process that it needs does not answer in time. TensorFlow would wait for ever.

    Args:
        task: which process this is.
        seconds: how long to wait for the answers.
    """
    peers = task.others(*([PS] if PS in task.cluster else [CHIEF, WORKER]))

    def connect() -> None:
        problems = addresses.find_unanswered(peers, seconds)
        for problem in problems:
            _log.error("%s", problem)
        if problems:
            logging.shutdown()
            os._exit(heartbeat.RESTART)

    threading.Thread(target=connect, name="peers", daemon=True).start()
