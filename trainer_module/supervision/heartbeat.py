"""The child's side of the link between a child process and its parent: the child sends heartbeats and dies with its parent.

This module imports nothing heavy: a child calls `end_with` before it imports TensorFlow, which takes 3 s.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import sys
import threading
import time
from typing import NoReturn

from trainer_module.supervision import messages
from trainer_module.supervision.messages import Alive, Failure, Message

# Exit statuses of a child process.
DONE, FAILED = 0, 1
DO_NOT_RESTART = 2  # a restart would fail in the same way
RESTART = os.EX_TEMPFAIL  # 75: the process stalled, or its training must continue

# Seconds between two heartbeats. A thread sends them, so they continue while the training hangs in C++ code. They stop
# when the process is suspended or swapped out, or when C++ code holds Python's global lock.
EVERY_SECONDS = 1.0

_PR_SET_PDEATHSIG = 1  # of Linux's prctl


def end_with(parent: int) -> None:
    """Makes Linux kill this process when its parent ends. Kills it now if the parent has ended already.

    On other systems the next heartbeat finds the pipe closed, and ends this process.

    Args:
        parent: process id of the parent.
    """
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent ended before prctl was called
        os.kill(os.getpid(), signal.SIGKILL)


def exit_now(status: int) -> NoReturn:
    """Ends this process without Python's cleanup, which a hanging thread or a closing session can block for ever."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class Heartbeat:
    """Sends messages to the parent through a pipe."""

    def __init__(self, pipe: int | None) -> None:
        """`pipe`: descriptor of the writing end of the pipe; None if no parent reads messages."""
        self._pipe = pipe

    def start(self, progress: logging.Logger | None = None) -> None:
        """Sends a heartbeat now and every EVERY_SECONDS, and forwards progress.

        Args:
            progress: logger whose records carry a `ProgressReport` in their attribute `progress`.
        """
        if self._pipe is None:
            return
        os.set_blocking(self._pipe, False)
        if progress:
            progress.addHandler(_ForwardProgress(self))
            progress.propagate = False  # the log of this process would get two lines a second
        threading.Thread(target=self._send_heartbeats, name="heartbeat", daemon=True).start()

    def send(self, message: Message) -> None:
        """Sends a message. Drops it if the pipe is full.

        Raises:
            OSError: the parent has closed the pipe.
        """
        if self._pipe is None:
            return
        with contextlib.suppress(BlockingIOError):
            os.write(self._pipe, messages.encode(message))

    def send_failure(self, reason: str) -> None:
        """Tells the parent why this process is about to end, and that it must not restart this process."""
        self.send(Failure(reason))

    def _send_heartbeats(self) -> None:
        while True:
            try:
                self.send(Alive())
            except OSError:  # the parent has ended
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(EVERY_SECONDS)


class _ForwardProgress(logging.Handler):
    """Sends the progress of a training to the parent."""

    def __init__(self, heartbeat: Heartbeat) -> None:
        super().__init__()
        self._heartbeat = heartbeat

    def emit(self, record: logging.LogRecord) -> None:
        """Sends the report of a record."""
        with contextlib.suppress(OSError):
            self._heartbeat.send(record.progress)  # type: ignore[attr-defined]
