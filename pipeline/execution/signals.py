"""Ctrl-C and SIGTERM, which a cluster sends before it takes a machine, end what runs in an orderly way."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType

from pipeline import errors


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """Has them raise errors.StoppedError, after a training that is under way has saved a checkpoint."""

    def stop(number: int, frame: FrameType | None) -> None:
        watch = sys.modules.get("trainer_module.supervision.watchdog")  # not before something trains
        if watch and watch.request_stop(number):
            return  # to be called again when a checkpoint has been saved
        if number == signal.SIGINT:
            raise errors.InterruptedRunError("Stopped by Ctrl-C.")
        raise errors.TerminatedRunError("Stopped by SIGTERM.")

    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
