"""A running trial: its process, and the lock on the folder of its training."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from keras_tuner.engine.trial import Trial

from trainer_module.checkpoints import folder as folders
from trainer_module.supervision.child_process import ChildProcess
from trainer_module.training.settings import TrainSettings

# When a search is killed, the kernel kills its trials. Until then they hold their locks.
_ORPHAN_SECONDS = 30.0
_RETRY_SECONDS = 0.1


@dataclass
class RunningTrial:
    """A trial whose process runs.

    Attributes:
        trial: KerasTuner's trial.
        attempt: number of its process in this run, from 1.
        process: the process.
        lock: holds the lock on the trial's training folder.
        earlier_seconds: seconds that earlier processes of the trial ran.
        started_at: start of the process, in seconds of the monotonic clock.
        step: newest reported global step.
    """

    trial: Trial
    attempt: int
    process: ChildProcess
    lock: ExitStack
    earlier_seconds: float
    started_at: float = field(default_factory=time.monotonic)
    step: int = 0

    @property
    def seconds(self) -> float:
        """Seconds that the processes of the trial have run so far."""
        return self.earlier_seconds + time.monotonic() - self.started_at

    def read_progress(self) -> None:
        """Reads the messages of the process."""
        for report in self.process.read_progress():
            self.step = report.step

    def is_silent(self, settings: TrainSettings) -> bool:
        """Returns whether heartbeats are missing. (A process with a stalled training still sends them, and ends itself.)"""
        limit = settings.stall_seconds if self.process.started else settings.cluster.start_seconds
        return self.process.exit_code is None and self.process.silent_seconds > limit

    def kill(self) -> None:
        """Kills the process if it runs, and releases the lock."""
        self.process.kill()
        self.lock.close()

    def how_it_ended(self) -> str:
        """Returns how the process ended, in words."""
        out_of_memory = " (out of memory?)" if self.process.exit_code == -signal.SIGKILL else ""
        return f"its process {self.process.how_it_ended()}{out_of_memory}"


@contextmanager
def locked(path: str) -> Iterator[int | None]:
    """Locks a trial's training folder, as `folder.held` does. Waits until a process of a killed search has released it.

    Yields:
        The descriptor of the lock.

    Raises:
        trainer_module.checkpoints.folder.FolderInUseError: a process still holds it after 30 s.
    """
    deadline = time.monotonic() + _ORPHAN_SECONDS
    with ExitStack() as stack:
        while True:
            try:
                lock = stack.enter_context(folders.held(path))
                break
            except folders.FolderInUseError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_RETRY_SECONDS)
        yield lock
