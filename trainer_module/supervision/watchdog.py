"""Runs a training in a thread and watches it: stops it cleanly on a signal, and gives it up when it stalls.

The calling thread waits. So it can handle signals and check the time even while TensorFlow computes. The two threads
communicate through a `Control`.
"""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Generic, TypeAlias, TypeVar

from trainer_module.supervision.control import Control, InterruptedTraining, StalledError

_log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 0.2
SIGNALS = (signal.SIGINT, signal.SIGTERM)

T = TypeVar("T")

# What `signal.signal` takes and returns: a function, SIG_DFL or SIG_IGN; None for a handler that C code has installed.
_Handler: TypeAlias = Callable[[int, FrameType | None], object] | int | None

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

    previous_handlers: dict[int, _Handler] = {}
    _RUNNING.append(control)
    if threading.current_thread() is threading.main_thread():
        previous_handlers = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        _RUNNING.remove(control)
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)
