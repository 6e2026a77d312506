"""Ends a run cleanly on Ctrl-C, and on SIGTERM, which a cluster sends before it takes a machine away."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from pipeline import errors


@contextlib.contextmanager
def as_exceptions() -> Iterator[None]:
    """Turns both signals into errors.StoppedError. A training that runs saves a checkpoint first."""

    def stop(number: int, frame: FrameType | None) -> None:
        watchdog = sys.modules.get("trainer_module.supervision.watchdog")  # only a training imports it
        if watchdog and watchdog.request_stop(number):
            return  # this handler is called again when the training has saved a checkpoint
        if number == signal.SIGINT:
            raise errors.InterruptedRunError("Stopped by Ctrl-C.")
        raise errors.TerminatedRunError("Stopped by SIGTERM.")

    previous = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
