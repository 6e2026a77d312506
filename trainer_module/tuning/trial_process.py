"""The process of a trial: `python -m trainer_module.tuning.trial_process FOLDER`.

It ends with the process that searches. So it imports nothing heavy before it has called `heartbeat.end_with`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from trainer_module import garbage
from trainer_module.supervision import child_environment, child_program, heartbeat
from trainer_module.supervision.child_process import ChildProcess
from trainer_module.supervision.heartbeat import Heartbeat


def start(folder: str, log: str, lock: int | None, slot: int, parallel: int) -> ChildProcess:
    """Starts the process of a trial.

    Args:
        folder: folder of the trial, with its `trial_files.TrialSpec`.
        log: file that the process writes to.
        lock: descriptor of the lock on the trial's training folder, which the process inherits.
        slot: number of the trial among the trials that run at the same time.
        parallel: number of trials that run at the same time.
    """
    command = [sys.executable, "-m", __name__, folder]
    inherited = [] if lock is None else [lock]
    return ChildProcess(command, environment(slot, parallel), Path(log), f"trial in {folder}", inherited)


def environment(slot: int, parallel: int) -> dict[str, str]:
    """Returns the environment variables of a trial's process, with its share of the machine.

    Args:
        slot: number of the trial among the trials that run at the same time.
        parallel: number of trials that run at the same time.
    """
    variables = child_environment.create()
    if parallel > 1:
        gpus = _gpus()
        variables |= {"CUDA_VISIBLE_DEVICES": gpus[slot % len(gpus)]} if gpus else {}
        # By default the first process takes all memory of a GPU, and every process uses all processors.
        variables.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        variables.setdefault("TF_NUM_INTRAOP_THREADS", str(max(1, (os.cpu_count() or 1) // parallel)))
    return variables


def _gpus() -> list[str]:
    """Returns the names of the GPUs that this process may use, as in CUDA_VISIBLE_DEVICES."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name]
    return sorted((p.name.removeprefix("nvidia") for p in Path("/dev").glob("nvidia[0-9]*")), key=int)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the trial. Returns the exit status, see `trial.run`."""
    parser = argparse.ArgumentParser(prog="python -m trainer_module.tuning.trial_process")
    parser.add_argument("folder", help="folder of the trial")
    child_program.add_options(parser)
    options = parser.parse_args(arguments)
    if options.parent:
        heartbeat.end_with(options.parent)
    child_program.log_to_stderr()
    from trainer_module.training import progress
    from trainer_module.tuning import trial

    Heartbeat(options.heartbeat).start(progress.LOGGER)
    return trial.run(options.folder)


if __name__ == "__main__":
    garbage.collect_seldom()
    heartbeat.exit_now(main())
