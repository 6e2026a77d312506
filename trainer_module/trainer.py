"""Trains a job to its end, in one process or many. It watches the training, and continues it after an interruption."""

from __future__ import annotations

import logging
import math
from dataclasses import replace

from msgspec import structs

from trainer_module.checkpoints import folder
from trainer_module.cluster import tf_config
from trainer_module.supervision import watchdog
from trainer_module.supervision.control import StalledError
from trainer_module.training import attempt, training_state
from trainer_module.training.job import Job
from trainer_module.training.result import TrainingResult
from trainer_module.training.settings import Cluster

_log = logging.getLogger(__name__)


def train(job: Job, lock: int | None) -> TrainingResult:
    """Trains a job to its end, in its locked folder.

    A training in one process runs in a thread of this process. If it stalls, its thread cannot be ended without ending this
    process: the thread is abandoned, and the training continues in a new process. If the job has several processes, they start
    at once. Afterwards this process evaluates and exports the last checkpoint if that has not been done.

    Args:
        job: the training.
        lock: file descriptor of the folder's lock, for other processes to inherit.

    Raises:
        trainer_module.training.result.TrainingError: the training did not reach its end, or has no usable model.
        trainer_module.cluster.supervisor.ClusterError: the processes could not finish the training.
        trainer_module.supervision.control.InterruptedTraining: a signal stopped the training.
    """
    tf_config.discard()
    settings = job.settings
    resumed_from = folder.prepare(job.folder, job.evaluations, settings.fresh_run_id)
    job.write(training_state.job_file(job))
    if not settings.cluster.alone:
        _train_in_processes(job, lock)
    try:
        trained = _train_in_thread(job)
    except StalledError as error:
        if not settings.retries:
            raise
        _log.warning("%s It continues in a new process.", error)
        _train_in_processes(replace(job, settings=structs.replace(settings, cluster=Cluster())), lock)
        trained = _train_in_thread(job)
    return replace(trained, resumed_from=resumed_from)


def _train_in_thread(job: Job) -> TrainingResult:
    """Trains in a thread of this process. If the training is finished, it only returns the result."""
    return watchdog.run(
        lambda control: attempt.train(job, control),
        grace_seconds=job.settings.grace_seconds,
        stall_seconds=job.settings.stall_seconds,
    )


def _train_in_processes(job: Job, lock: int | None) -> None:
    from trainer_module.cluster import supervisor

    watchdog.run(
        lambda control: supervisor.run(job, lock, control),
        grace_seconds=job.settings.grace_seconds,
        stall_seconds=math.inf,  # each process has its own watchdog
    )
