"""The process of a trial: `python -m trainer_module.tuning.trial_process FOLDER`.

It ends with the search, and imports nothing heavy before it has made sure of that.
"""

from __future__ import annotations

import argparse
import faulthandler
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from trainer_module.supervision import heartbeat
from trainer_module.supervision.child_process import ChildProcess


def start(folder: str, log: str, lock: int | None, slot: int, parallel: int) -> ChildProcess:
    """Starts the process of a trial.

    Args:
        folder: of the trial, with its task.
        log: file that it writes to.
        lock: descriptor of the lock on the trial's training, for it to keep.
        slot: number of the trial among those that run at a time.
        parallel: how many do.
    """
    command = [sys.executable, "-m", __name__, folder]
    return ChildProcess(command, _environment(slot, parallel), Path(log), f"trial in {folder}", [] if lock is None else [lock])


def _environment(slot: int, parallel: int) -> dict[str, str]:
    """Returns this process's environment, and what of the machine a trial takes."""
    environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    # Where this process finds the project, and datasets and models outside of it.
    environment["PYTHONPATH"] = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    if parallel > 1:
        gpus = _gpus()
        environment |= {"CUDA_VISIBLE_DEVICES": gpus[slot % len(gpus)]} if gpus else {}
        # By itself the first process takes all of a GPU's memory, and every process all processors.
        environment.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
        environment.setdefault("TF_NUM_INTRAOP_THREADS", str(max(1, (os.cpu_count() or 1) // parallel)))
    return environment


def _gpus() -> list[str]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name]
    return sorted((p.name.removeprefix("nvidia") for p in Path("/dev").glob("nvidia[0-9]*")), key=int)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the trial. Returns the exit status, see `trial.run`."""
    parser = argparse.ArgumentParser(prog="python -m trainer_module.tuning.trial_process")
    parser.add_argument("folder", help="of the trial")
    parser.add_argument("--parent", type=int, help="process id of the search, with which it ends")
    parser.add_argument("--heartbeat", type=int, help="descriptor of the pipe through which it reports")
    chosen = parser.parse_args(arguments)
    if chosen.parent:
        heartbeat.end_with(chosen.parent)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    faulthandler.register(signal.SIGUSR1)  # kill -USR1 shows where it is
    from trainer_module.training import progress
    from trainer_module.tuning import trial

    heartbeat.Heartbeat(chosen.heartbeat).begin(progress.LOGGER)
    return trial.run(chosen.folder)


if __name__ == "__main__":
    heartbeat.exit_now(main())
