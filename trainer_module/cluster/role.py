"""The program of one process of a cluster: `python -m trainer_module.cluster.role JOB`.

TF_CONFIG gives the role of the process; without TF_CONFIG it trains alone. JOB is a file that a Trainer writes to
`checkpoints/<fingerprint>/cluster/`. Its exit status:

| status | meaning |
|---:|---|
| 0 | The process has finished its work. For a chief: the last checkpoint is also evaluated and exported. |
| 1 | An error. |
| 2 | A restart would fail in the same way. The log says why. |
| 75 | Restart the process: it stalled, its training must continue, or another process still trains in its folder. |
| killed by SIGTERM | The process was asked to end. A chief saved a checkpoint first. |
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import structs

from trainer_module import garbage
from trainer_module.cluster import tf_config
from trainer_module.cluster.cluster_task import CHIEF, EVALUATOR, PS, ClusterTask
from trainer_module.cluster.tf_config import TFConfigError
from trainer_module.supervision import child_program, heartbeat
from trainer_module.supervision.child_environment import TF_CONFIG
from trainer_module.supervision.heartbeat import DO_NOT_RESTART, DONE, FAILED, RESTART, Heartbeat

if TYPE_CHECKING:
    from trainer_module.training.job import Job

_log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs this process's role. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m trainer_module.cluster.role")
    parser.add_argument("job", help="file that Job.write has written")
    parser.add_argument("--steps", type=int, help="global step at which the training ends; by default that of the job")
    child_program.add_options(parser)
    options = parser.parse_args(arguments)
    if options.parent:
        heartbeat.end_with(options.parent)  # before TensorFlow is imported, which takes 3 s
    child_program.log_to_stderr()
    line = Heartbeat(options.heartbeat)
    from trainer_module.training import job as jobs

    job = jobs.read(options.job)
    if options.steps is not None:
        job = replace(job, settings=structs.replace(job.settings, steps=options.steps))
    try:
        task = _take_task(job)
    except TFConfigError as error:
        return _do_not_restart(line, error)
    if task and task.role == PS:
        line.start()
        _serve(task)
    return _run(job, task, line, supervised=options.parent is not None)


def _take_task(job: Job) -> ClusterTask | None:
    """Reads TF_CONFIG, and replaces it with the value that the Estimator of this process must see.

    Raises:
        TFConfigError: TF_CONFIG is invalid.
    """
    text, cluster = os.environ.pop(TF_CONFIG, ""), job.settings.cluster
    if not text and not cluster.workers and not cluster.ps:
        return None
    task = tf_config.parse(text, cluster.strategy)
    if task.role != EVALUATOR:  # the evaluator's Estimator works without a cluster
        os.environ[TF_CONFIG] = task.to_json()
    return task


def _serve(task: ClusterTask) -> None:
    """Runs a parameter server. It never returns."""
    import tensorflow as tf

    config = tf.compat.v1.ConfigProto(device_count={"GPU": 0})
    tf.distribute.Server(tf.train.ClusterSpec(task.cluster), job_name=PS, task_index=task.index, config=config).join()


def _run(job: Job, task: ClusterTask | None, line: Heartbeat, *, supervised: bool) -> int:
    """Trains or evaluates under a watchdog. Returns the exit status."""
    from trainer_module.checkpoints import folder
    from trainer_module.cluster import run_role
    from trainer_module.cluster.last_evaluation import UnfinishedError
    from trainer_module.supervision import watchdog
    from trainer_module.supervision.control import StalledError
    from trainer_module.training import progress

    line.start(progress.LOGGER)
    try:
        with contextlib.nullcontext() if supervised else _locked_folder(job, task):
            watchdog.run(
                lambda control: run_role.run(job, task, control, supervised=supervised),
                grace_seconds=job.settings.grace_seconds,
                stall_seconds=job.settings.stall_seconds,
            )
    except run_role.PERMANENT_ERRORS as error:
        return _do_not_restart(line, error)
    # The previous chief may still hold the folder while it ends.
    except (StalledError, UnfinishedError, folder.FolderInUseError) as error:
        _log.error("%s", error)
        return RESTART
    except Exception:
        _log.exception("This process ends because of an error.")
        return FAILED
    return DONE


def _locked_folder(job: Job, task: ClusterTask | None) -> contextlib.AbstractContextManager[object]:
    """Locks the folder of the training if this process saves checkpoints. (A supervisor holds the lock already.)"""
    from trainer_module.checkpoints import folder, prune

    if task is None or task.role == CHIEF:
        return folder.held(job.folder, prune.owner_of(job.folder) or "")
    return contextlib.nullcontext()


def _do_not_restart(line: Heartbeat, error: Exception) -> int:
    _log.error("%s", error)
    line.send_failure(f"{type(error).__name__}: {error}")
    return DO_NOT_RESTART


if __name__ == "__main__":
    garbage.collect_seldom()
    heartbeat.exit_now(main())
