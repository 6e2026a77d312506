"""Runs a training in a thread and watches it: stops it cleanly on a signal, and gives it up when it stalls.

The calling thread waits. So it can handle signals and check the time even while TensorFlow computes. The two threads
communicate through a `Control`; hooks call it at every training step and every batch of an evaluation.
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
    """A training made no progress for too long: it hangs."""


class InterruptedTraining(BaseException):
    """A signal stopped the training. The newest checkpoint contains all its steps.

    Attributes:
        number: number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(f"The training was ended by {signal.Signals(number).name}.")
        self.number = number


class Control:
    """The link between a training and its watchdog, in two threads."""

    def __init__(self) -> None:
        self._signal: int | None = None
        self._asked_at = 0.0
        self._abandoned = False
        self._beat_at = time.monotonic()

    @property
    def signal(self) -> int | None:
        """Number of the signal that asked the training to stop; None if there was no such signal."""
        return self._signal

    @property
    def stopping(self) -> bool:
        """Whether the training must save a checkpoint and stop."""
        return self._signal is not None

    def request_stop(self, number: int) -> None:
        """Asks the training to stop. `number`: the signal that is the reason."""
        if not self.stopping:
            self._signal, self._asked_at = number, time.monotonic()

    def abandon(self) -> None:
        """Gives the training up: no thread waits for its result any more, and its next heartbeat raises an error."""
        self._abandoned = True

    def heartbeat(self) -> None:
        """Reports progress. Ends an abandoned training, because another process may use its folder now.

        Raises:
            StalledError: the training was abandoned.
        """
        self._beat_at = time.monotonic()
        if self._abandoned:
            raise StalledError("This training was abandoned.")

    def raise_if_stopping(self) -> None:
        """Reports progress, and ends the training if it was asked to stop. Call it only when every step is in a checkpoint.

        Raises:
            InterruptedTraining: the training was asked to stop.
            StalledError: the training was abandoned.
        """
        self.heartbeat()
        if self._signal is not None:
            raise InterruptedTraining(self._signal)

    def silent_seconds(self) -> float:
        """Returns the time since the last heartbeat."""
        return time.monotonic() - self._beat_at

    def overdue(self, grace_seconds: float) -> bool:
        """Whether the training was asked to stop more than `grace_seconds` ago."""
        return self.stopping and time.monotonic() - self._asked_at > grace_seconds


class InterruptHook(tf.estimator.SessionRunHook):
    """Calls `raise_if_stopping` before every batch. For evaluations and workers, which have nothing to save."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def before_run(self, run_context: tf.estimator.SessionRunContext) -> None:
        """Ends the evaluation or the worker's part if the training was asked to stop."""
        self._control.raise_if_stopping()


# The trainings that run in this process. The signal handler of a pipeline run calls `request_stop` first.
_RUNNING: list[Control] = []


def request_stop(number: int) -> bool:
    """Asks the training that runs in this process, if there is one, to save a checkpoint and stop.

    After it has stopped, the watchdog sends the signal to this process again.

    Returns:
        Whether there is a running training that had not been asked yet. (A second Ctrl-C must not wait.)
    """
    running = [control for control in _RUNNING if not control.stopping]
    for control in running:
        control.request_stop(number)
    return bool(running)


class _TrainingThread(threading.Thread, Generic[T]):
    """The thread of a training, with its result or its error."""

    def __init__(self, work: Callable[[Control], T], control: Control) -> None:
        super().__init__(name="training", daemon=True)  # a training that hangs must not keep the process alive
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

    On SIGTERM or Ctrl-C the training saves a checkpoint and stops. Then the signal is delivered again, to the handler that was
    installed before. After the grace period it is delivered even if the training has not stopped.

    Args:
        work: the training; called in a new thread.
        grace_seconds: how long saving and stopping may take.
        stall_seconds: longest time without a heartbeat.

    Raises:
        StalledError: the training stalled. The log shows the stacks of all threads. Its thread is abandoned, and ends if it
            ever continues.
        InterruptedTraining: a signal stopped it, and the signal's handler did not end the process.
        BaseException: an error of `work`.
    """
    control = Control()
    thread = _TrainingThread(work, control)
    with _handling_signals(control):
        thread.start()
        while not thread.ended.wait(_LOOK_EVERY_SECONDS):
            if control.overdue(grace_seconds):
                _log.error("The training did not stop within %g s. Steps after its last checkpoint are lost.", grace_seconds)
                break
            if control.silent_seconds() > stall_seconds:
                control.abandon()
                _dump_stacks(stall_seconds)
                raise StalledError(f"The training made no progress for {stall_seconds:g} s. The log has its stacks.")
    if control.stopping:
        control.abandon()
        _deliver(control)
    if thread.error:
        raise thread.error
    return thread.result


def _deliver(control: Control) -> None:
    """Sends the signal to this process again. Now it has the same effect as without a training."""
    number = control.signal or signal.SIGTERM
    os.kill(os.getpid(), number)  # Python handles it in the main thread, which may not be this thread
    raise InterruptedTraining(number)


def _dump_stacks(seconds: float) -> None:
    _log.error("No step, no evaluated batch and no export for %g s. The stacks of all threads:", seconds)
    sys.stderr.flush()
    faulthandler.dump_traceback(file=sys.__stderr__ or 2, all_threads=True)


@contextlib.contextmanager
def _handling_signals(control: Control) -> Iterator[None]:
    """Handles signals while a training runs.

    Only the main thread can install handlers. In another thread the main thread's handler must call `request_stop`.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        if not request_stop(number):  # the second time
            signal.signal(number, previous_handlers[number])
            signal.raise_signal(number)

    previous_handlers: dict[int, Any] = {}
    _RUNNING.append(control)
    if threading.current_thread() is threading.main_thread():
        previous_handlers = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        _RUNNING.remove(control)
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)
