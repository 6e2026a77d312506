"""A trial under way: its process, and the folder that it holds."""

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

# The kernel ends a trial whose search was killed; until it has, the trial keeps its folder.
_ORPHAN_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.1


@dataclass
class RunningTrial:
    """A trial under way.

    Attributes:
        chosen: the trial.
        attempt: number of its process, since the search goes on.
        process: the newest one.
        lock: on its training.
        before: seconds that earlier processes took.
        began: when this one did, in seconds of the monotonic clock.
        step: that it has reached.
    """

    chosen: Trial
    attempt: int
    process: ChildProcess
    lock: ExitStack
    before: float
    began: float = field(default_factory=time.monotonic)
    step: int = 0

    @property
    def seconds(self) -> float:
        """That its processes took so far."""
        return self.before + time.monotonic() - self.began

    def hear(self) -> None:
        """Listens to what the process says."""
        for report in self.process.hear():
            self.step = report.step

    def silent(self, settings: TrainSettings) -> bool:
        """Whether the process has given no sign of life for too long. (One that is stuck in its training gives them.)"""
        limit = settings.stall_seconds if self.process.started else settings.cluster.start_seconds
        return self.process.code is None and self.process.silent_seconds > limit

    def end(self) -> None:
        """Ends the process, if it has not ended, and frees what it held."""
        self.process.kill()
        self.lock.close()

    def how_it_ended(self) -> str:
        """Says it in words."""
        out_of_memory = " (out of memory?)" if self.process.code == -signal.SIGKILL else ""
        return f"its process {self.process.how_it_ended()}{out_of_memory}"


@contextmanager
def held(path: str) -> Iterator[int | None]:
    """Holds the folder of a trial's training, as `folder.held` does; waits for what a killed search has left there to end."""
    until = time.monotonic() + _ORPHAN_SECONDS
    with ExitStack() as stack:
        while True:
            try:
                lock = stack.enter_context(folders.held(path))
                break
            except folders.FolderInUseError:
                if time.monotonic() > until:
                    raise
                time.sleep(_LOOK_EVERY_SECONDS)
        yield lock
