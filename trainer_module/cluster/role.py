"""The process of a role, wherever it was started: `python -m trainer_module.cluster.role JOB`.

TF_CONFIG says which role it has; without one it trains alone. A Trainer leaves JOB in `checkpoints/<fingerprint>/cluster/`.
It ends with status

- 0: its part is done (of a chief: and the last checkpoint was evaluated and exported);
- 2: starting it again would not help; what it has logged says why;
- 75: it got stuck, the training has to go on, or another process still trains in its folder: start it again;
- by SIGTERM, if that asked it to leave: a chief has saved a checkpoint then;
- 1: anything else.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import logging
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from msgspec import structs

from trainer_module.cluster import tf_config
from trainer_module.cluster.tf_config import CHIEF, EVALUATOR, PS, Task, TFConfigError
from trainer_module.supervision import heartbeat
from trainer_module.supervision.heartbeat import DO_NOT_RESTART, DONE, FAILED, RESTART

if TYPE_CHECKING:
    from trainer_module.training.job import Job

_log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Does the part of this process. Returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m trainer_module.cluster.role")
    parser.add_argument("job", help="file that Job.write has written")
    parser.add_argument("--steps", type=int, help="global step at which the training ends, instead of the job's")
    parser.add_argument("--parent", type=int, help="process id of the one that it ends with")
    parser.add_argument("--heartbeat", type=int, help="descriptor of the pipe through which it reports")
    chosen = parser.parse_args(arguments)
    if chosen.parent:
        heartbeat.end_with(chosen.parent)  # first of all: what comes next imports TensorFlow, 3 s
    _log_to_stderr()
    line = heartbeat.Heartbeat(chosen.heartbeat)
    from trainer_module.training import job as jobs

    job = _longer(jobs.read(chosen.job), chosen.steps)
    try:
        task = _task(job)
    except TFConfigError as error:
        return _hopeless(line, error)
    if task and task.role == PS:
        line.begin()
        _serve(task)
    return _run(job, task, line, supervised=chosen.parent is not None)


def _longer(job: Job, steps: int | None) -> Job:
    return job if steps is None else replace(job, settings=structs.replace(job.settings, steps=steps))


def _task(job: Job) -> Task | None:
    """Returns which process this is, and leaves the TF_CONFIG behind that its Estimator is to see.

    Raises:
        TFConfigError: TF_CONFIG cannot work.
    """
    text, cluster = os.environ.pop(tf_config.VARIABLE, ""), job.settings.cluster
    if not text and not cluster.workers and not cluster.ps:
        return None
    task = tf_config.parse(text, cluster.strategy)
    if task.role != EVALUATOR:  # to its Estimator, an evaluator is alone
        os.environ[tf_config.VARIABLE] = task.text()
    return task


def _serve(task: Task) -> None:
    """Is a parameter server: it never ends by itself."""
    import tensorflow as tf

    config = tf.compat.v1.ConfigProto(device_count={"GPU": 0})
    tf.distribute.Server(tf.train.ClusterSpec(task.cluster), job_name=PS, task_index=task.index, config=config).join()


def _run(job: Job, task: Task | None, line: heartbeat.Heartbeat, *, supervised: bool) -> int:
    """Trains or evaluates, watched."""
    from trainer_module.checkpoints import folder
    from trainer_module.cluster import run_role
    from trainer_module.supervision import watchdog
    from trainer_module.training import progress

    line.begin(progress.LOGGER)
    try:
        with contextlib.nullcontext() if supervised else _held(job, task):
            watchdog.run(
                lambda control: run_role.run(job, task, control, supervised=supervised),
                grace_seconds=job.settings.grace_seconds,
                stall_seconds=job.settings.stall_seconds,
            )
    except run_role.PERMANENT_ERRORS as error:
        return _hopeless(line, error)
    # A folder in use: the chief before this one may still be ending.
    except (watchdog.StalledError, run_role.UnfinishedError, folder.FolderInUseError) as error:
        _log.error("%s", error)
        return RESTART
    except Exception:
        _log.exception("This process ends because of an error.")
        return FAILED
    return DONE


def _held(job: Job, task: Task | None) -> contextlib.AbstractContextManager[object]:
    """Keeps the folder of the training, which nobody has locked before, to the one process that saves checkpoints."""
    from trainer_module.checkpoints import folder, prune

    if task is None or task.role == CHIEF:
        return folder.held(job.folder, prune.owner_of(job.folder) or "")
    return contextlib.nullcontext()


def _hopeless(line: heartbeat.Heartbeat, error: Exception) -> int:
    _log.error("%s", error)
    line.failed(f"{type(error).__name__}: {error}")
    return DO_NOT_RESTART


def _log_to_stderr() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # TensorFlow 2.15 calls everything that an Estimator is made of deprecated, twenty times a start.
    logging.getLogger("tensorflow").addFilter(lambda record: "deprecated" not in str(record.msg))
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)  # kill -USR1 shows where it is


if __name__ == "__main__":
    heartbeat.exit_now(main())
