"""Watches over a training: it leaves in order when the process is asked to end, and is given up when it is stuck.

The training runs in a thread; whoever started it waits beside it, so that signals are answered and clocks looked at even
while TensorFlow computes. What the two tell each other is a `Control`; the hooks below bring it into every step and every
batch of an evaluation.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Generic, TypeVar

import tensorflow as tf

_log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 0.2
SIGNALS = (signal.SIGINT, signal.SIGTERM)

T = TypeVar("T")


class StalledError(RuntimeError):
    """A training that made no progress for too long."""


class InterruptedTraining(BaseException):
    """The process was asked to end; what was trained is in a checkpoint.

    Attributes:
        number: the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"The training was ended by {signal.Signals(number).name}.")
        self.number = number


class Control:
    """What a training and whoever watches over it tell each other."""

    def __init__(self) -> None:
        self._signal: int | None = None
        self._asked_at = 0.0
        self._abandoned = False
        self._beat_at = time.monotonic()

    @property
    def stopping(self) -> bool:
        """Whether the training is to save a checkpoint and leave."""
        return self._signal is not None

    def request_stop(self, number: int) -> None:
        """Asks the training to leave, because of a signal."""
        if not self.stopping:
            self._signal, self._asked_at = number, time.monotonic()

    def abandon(self) -> None:
        """Says that nobody waits for the training any more: whatever it does next, it must end."""
        self._abandoned = True

    def heartbeat(self) -> None:
        """Says that progress was made. Ends a training that was given up: another one may be in its folder.

        Raises:
            StalledError: it was given up.
        """
        self._beat_at = time.monotonic()
        if self._abandoned:
            raise StalledError("This training was given up.")

    def raise_if_stopping(self) -> None:
        """Ends the training if it was asked to; what it has trained must be on disk. Raises InterruptedTraining."""
        self.heartbeat()
        if self._signal is not None:
            raise InterruptedTraining(self._signal)

    def silent_seconds(self) -> float:
        """How long there has been no progress."""
        return time.monotonic() - self._beat_at

    def overdue(self, grace_seconds: float) -> bool:
        """Whether the training was asked to leave longer ago than that."""
        return self.stopping and time.monotonic() - self._asked_at > grace_seconds


class InterruptHook(tf.estimator.SessionRunHook):
    """Where nothing is to be saved, an evaluation or a worker's part: every step is progress, and a moment to leave."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def before_run(self, run_context: Any) -> None:
        """Leaves, if asked to."""
        self._control.raise_if_stopping()


# The trainings under way in this process; a runner's own signal handler asks here first.
_UNDER_WAY: list[Control] = []


def request_stop(number: int) -> bool:
    """Asks the training under way in this process, if there is one, to save a checkpoint and leave.

    When it has left, it sends the signal to the process again.

    Returns:
        Whether there was one that had not been asked before. (A second Ctrl-C is not to wait.)
    """
    asked = [c for c in _UNDER_WAY if not c.stopping]
    for control in asked:
        control.request_stop(number)
    return bool(asked)


class _Attempt(threading.Thread, Generic[T]):
    """The thread of a training, and what became of it."""

    def __init__(self, work: Callable[[Control], T], control: Control) -> None:
        super().__init__(name="training", daemon=True)  # one that is stuck must not keep the process
        self._work, self._control = work, control
        self.error: BaseException | None = None
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            self.result = self._work(self._control)
        except BaseException as error:
            self.error = error
        finally:
            self.ended.set()


def run(work: Callable[[Control], T], *, grace_seconds: float, stall_seconds: float) -> T:
    """Runs a training and returns its result.

    On SIGTERM or Ctrl-C the training saves a checkpoint and leaves; then the signal is delivered again, to whoever had
    handled it before. It is delivered without waiting longer when the grace period is over.

    Args:
        work: the training; called in a thread of its own.
        grace_seconds: what leaving may take.
        stall_seconds: how long it may be silent.

    Raises:
        StalledError: it was silent for too long. The stacks of all threads are in the log; the thread is left behind,
            and ends should it ever come back.
        InterruptedTraining: a signal ended it, and whoever handles the signal did not end the process.
        BaseException: what `work` raises.
    """
    control = Control()
    attempt = _Attempt(work, control)
    with _handling_signals(control):
        attempt.start()
        while not attempt.ended.wait(_LOOK_EVERY_SECONDS):
            if control.overdue(grace_seconds):
                _log.error("The training did not leave within %g s: what came after its checkpoint is lost.", grace_seconds)
                break
            if control.silent_seconds() > stall_seconds:
                control.abandon()
                _dump_stacks(stall_seconds)
                raise StalledError(f"The training made no progress for {stall_seconds:g} s. Its stacks are in the log.")
    if control.stopping:
        control.abandon()
        _deliver(control)
    if attempt.error:
        raise attempt.error
    return attempt.result


def _deliver(control: Control) -> None:
    """Lets the signal have the effect that it would have had without a training."""
    number = control._signal or signal.SIGTERM
    os.kill(os.getpid(), number)  # to the main thread, which may be another one
    raise InterruptedTraining(number)


def _dump_stacks(seconds: float) -> None:
    _log.error("No step, no evaluated batch and no export for %g s. The stacks of all threads:", seconds)
    sys.stderr.flush()
    faulthandler.dump_traceback(file=sys.__stderr__ or 2, all_threads=True)


@contextlib.contextmanager
def _handling_signals(control: Control) -> Iterator[None]:
    """Answers signals while a training is under way. Only a main thread can; elsewhere its handler asks `request_stop`."""

    def answer(number: int, frame: FrameType | None) -> None:
        if not request_stop(number):  # the second time
            signal.signal(number, before[number])
            signal.raise_signal(number)

    before: dict[int, Any] = {}
    _UNDER_WAY.append(control)
    if threading.current_thread() is threading.main_thread():
        before = {number: signal.signal(number, answer) for number in SIGNALS}
    try:
        yield
    finally:
        _UNDER_WAY.remove(control)
        for number, handler in before.items():
            signal.signal(number, handler)
