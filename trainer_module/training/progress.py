"""What a training says while it runs: a log record every half second, for a person's screen and for the log alike."""

from __future__ import annotations

import logging
import time
from typing import Any

import tensorflow as tf

from trainer_module.supervision.watchdog import Control

# Whoever shows progress attaches a handler to this logger and reads the `training` of its records.
LOGGER = logging.getLogger("trainer_module.progress")

EVERY_SECONDS = 0.5


class ProgressHook(tf.estimator.SessionRunHook):
    """Reports step, loss and speed at most every `EVERY_SECONDS`; the loss is fetched only in a step that reports."""

    def __init__(self, steps: int, control: Control) -> None:
        """`steps`: the global step at which the training ends. `control`: of whoever watches."""
        self._steps = steps
        self._control = control
        self._at, self._step, self._due = 0.0, -1, False

    def begin(self) -> None:
        """Finds what to report: the Estimator adds the loss of its spec to this collection, last."""
        self._global_step = tf.compat.v1.train.get_global_step()
        self._loss = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.LOSSES)[-1]

    def after_create_session(self, session: tf.compat.v1.Session, coord: object) -> None:
        """Starts the clock, at the step from which the training continues."""
        self._at, self._step = time.monotonic(), int(session.run(self._global_step))

    def before_run(self, run_context: Any) -> tf.estimator.SessionRunArgs | None:
        """Asks for the loss when it is time to report."""
        self._due = time.monotonic() - self._at >= EVERY_SECONDS
        return tf.estimator.SessionRunArgs(self._loss) if self._due else None

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Reports."""
        self._control.beat()
        if self._due:
            # Fetched along with the step, it could be the one before or behind.
            now, step = time.monotonic(), int(run_context.session.run(self._global_step))
            speed = (step - self._step) / (now - self._at)
            self._at, self._step = now, step
            report(step=step, steps=self._steps, loss=float(run_values.results), steps_per_second=speed)


def report(*, step: int, steps: int, loss: float, steps_per_second: float) -> None:
    """Writes one record."""
    fields = {"step": step, "steps": steps, "loss": loss, "steps_per_second": steps_per_second}
    LOGGER.info("step %d/%d, loss %.4f, %.0f steps/s", step, steps, loss, steps_per_second, extra={"training": fields})
