"""A training from its first attempt to its end: watched, continued where it was cut off, in one process or many."""

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
    """Trains a job to its end, in a folder that is held.

    A single process is this one, watched. If it gets stuck, it cannot be ended without ending this process: the stuck thread
    is left behind, and the training is continued in a process of its own. Several train in processes of their own from
    the start. What they have trained is evaluated and exported here, if they did not live to do so.

    Args:
        job: what to train.
        lock: descriptor of the folder's lock, for other processes to inherit.

    Raises:
        trainer_module.training.result.TrainingError: it did not end as it should.
        trainer_module.cluster.supervisor.ClusterError: its processes did not get to the end.
        trainer_module.supervision.watchdog.InterruptedTraining: it was asked to leave.
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
    """Trains in a thread of this process; a training that is done is only handed on."""
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
        stall_seconds=math.inf,  # each process watches over itself
    )
