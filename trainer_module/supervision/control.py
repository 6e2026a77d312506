"""The link between a training and its watchdog. Hooks call it at every training step and every batch of an evaluation."""

from __future__ import annotations

import signal
import time

import tensorflow as tf


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
