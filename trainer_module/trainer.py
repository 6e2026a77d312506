"""Trains a job to its end: watched, continued after an interruption, in one process or many."""

from __future__ import annotations

import logging
import math
from dataclasses import replace

from msgspec import structs

from data import TASKS, discovery
from trainer_module.checkpoints import folder
from trainer_module.checkpoints.evaluations import Evaluations
from trainer_module.cluster import tf_config
from trainer_module.supervision import watchdog
from trainer_module.training import attempt, training_state
from trainer_module.training.job import Job
from trainer_module.training.result import Trained
from trainer_module.training.settings import Cluster

_log = logging.getLogger(__name__)


def train(job: Job, lock: int | None) -> Trained:
    """Trains a job to its end, in its locked folder.

    A training in one process runs in a thread of this process. If it stalls, its thread cannot be ended without ending this
    process: the thread is abandoned, and the training continues in a new process. A training in several processes starts them
    at once. Afterwards this process evaluates and exports the last checkpoint if they have not done so.

    Args:
        job: what to train.
        lock: file descriptor of the folder's lock, for other processes to inherit.

    Raises:
        trainer_module.training.result.TrainingError: it did not end as it should.
        trainer_module.cluster.supervisor.ClusterError: its processes did not reach the end.
        trainer_module.supervision.watchdog.InterruptedTraining: it was asked to stop.
    """
    tf_config.discard()
    settings = job.settings
    resumed_from = folder.prepare(job.folder, evaluations_of(job), settings.fresh_run_id)
    job.write(training_state.job_file(job))
    if not settings.cluster.alone:
        _in_processes(job, lock)
    try:
        trained = _here(job)
    except watchdog.StalledError as error:
        if not settings.retries:
            raise
        _log.warning("%s It is continued in a process of its own.", error)
        _in_processes(replace(job, settings=structs.replace(settings, cluster=Cluster())), lock)
        trained = _here(job)
    return replace(trained, resumed_from=resumed_from)


def evaluations_of(job: Job) -> Evaluations:
    """Returns the record of a job's evaluations."""
    best = job.settings.best
    return Evaluations(job.folder, best, TASKS[discovery.dataset(job.dataset).task].metrics[best])


def _here(job: Job) -> Trained:
    """Trains in a thread of this process. A finished training only returns its result."""
    return watchdog.run(
        lambda control: attempt.train(job, control),
        grace_seconds=job.settings.grace_seconds,
        stall_seconds=job.settings.stall_seconds,
    )


def _in_processes(job: Job, lock: int | None) -> None:
    from trainer_module.cluster import supervisor

    watchdog.run(
        lambda control: supervisor.run(job, lock, control),
        grace_seconds=job.settings.grace_seconds,
        stall_seconds=math.inf,  # each process has its own watchdog
    )
