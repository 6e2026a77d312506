"""What ties the process of a role to the one that started it: it ends with it, and tells it how it is.

It tells by lines of JSON through a pipe: `{}` is a sign of life, `{"progress": {...}}` a `ProgressReport`,
`{"failed": "..."}` why it is about to end, if starting it again would not help.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import signal
import sys
import threading
import time
from dataclasses import asdict
from typing import NoReturn

# How a process of a role ends.
DONE, FAILED = 0, 1
DO_NOT_RESTART = 2  # starting it again would not help
RESTART = os.EX_TEMPFAIL  # it got stuck, or its part turned out not to be over: start it again

# Between two signs of life. They come from a thread of their own: a process that is stuck in C++ gives them, too, unless it
# holds Python's lock; one that is stopped or thrashing does not.
EVERY_SECONDS = 1.0

_PR_SET_PDEATHSIG = 1
# POSIX promises that so much is written whole or not at all, whoever else writes.
_PIPE_BUF = 512


def end_with(parent: int) -> None:
    """Has Linux kill this process when the one that started it ends. (Elsewhere the next sign of life fails, and ends it.)"""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before it was asked for
        os.kill(os.getpid(), signal.SIGKILL)


def exit_now(status: int) -> NoReturn:
    """Ends this process at once: a thread that is stuck in TensorFlow, or a session being closed, can hold it up for ever."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class Heartbeat:
    """The end of the pipe that the role holds."""

    def __init__(self, pipe: int | None) -> None:
        """`pipe`: a descriptor; None where nobody listens."""
        self._pipe = pipe

    def begin(self, progress: logging.Logger | None = None) -> None:
        """Says that the role has started, says so again and again, and passes on what `progress` logs."""
        if self._pipe is None:
            return
        os.set_blocking(self._pipe, False)
        if progress:
            progress.addHandler(_Handler(self))
            progress.propagate = False  # in the log of the role it would be two lines a second
        threading.Thread(target=self._beat, name="lifeline", daemon=True).start()

    def say(self, **message: object) -> None:
        """Sends a message. One that finds the pipe full is dropped."""
        if self._pipe is None:
            return
        with contextlib.suppress(BlockingIOError):
            os.write(self._pipe, json.dumps(message).encode() + b"\n")

    def failed(self, why: str) -> None:
        """Says why the role is about to end, and that starting it again would not help."""
        self.say(failed=why[: _PIPE_BUF - 50])

    def _beat(self) -> None:
        while True:
            try:
                self.say()
            except OSError:  # nobody listens any more
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(EVERY_SECONDS)


class _Handler(logging.Handler):
    """Passes the records of `trainer_module.training.progress` on."""

    def __init__(self, lifeline: Heartbeat) -> None:
        super().__init__()
        self._lifeline = lifeline

    def emit(self, record: logging.LogRecord) -> None:
        """Sends a record."""
        with contextlib.suppress(OSError):
            self._lifeline.say(progress=asdict(record.progress))  # type: ignore[attr-defined]
