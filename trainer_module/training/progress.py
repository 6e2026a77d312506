"""Progress of a training: a log record every half second, with a `ProgressReport` for programs and a text for people."""

from __future__ import annotations

import logging
import time

import tensorflow as tf

from trainer_module.supervision.control import Control
from trainer_module.supervision.progress_report import ProgressReport as ProgressReport

# To show progress, attach a handler to this logger and read the `progress` of its records, a ProgressReport.
LOGGER = logging.getLogger(__name__)

EVERY_SECONDS = 0.5


class ProgressHook(tf.estimator.SessionRunHook):
    """Reports step, loss and speed, but not at every step. Only a step that reports fetches the loss."""

    def __init__(self, steps: int, control: Control, *, every_seconds: float = EVERY_SECONDS) -> None:
        """Creates the hook.

        Args:
            steps: global step at which the training ends.
            control: receives a heartbeat after every step.
            every_seconds: least time between two reports.
        """
        self._steps = steps
        self._control = control
        self._every_seconds = every_seconds
        self._at, self._step, self._due = 0.0, -1, False

    def begin(self) -> None:
        """Finds the tensors to report: the Estimator adds the loss of its spec to this collection last."""
        self._global_step = tf.compat.v1.train.get_global_step()
        self._loss = tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.LOSSES)[-1]

    def after_create_session(self, session: tf.compat.v1.Session, coord: object) -> None:
        """Starts the clock, at the step from which the training continues."""
        self._at, self._step = time.monotonic(), int(session.run(self._global_step))

    def before_run(self, run_context: tf.estimator.SessionRunContext) -> tf.estimator.SessionRunArgs | None:
        """Fetches the loss if a report is due."""
        self._due = time.monotonic() - self._at >= self._every_seconds
        return tf.estimator.SessionRunArgs(self._loss) if self._due else None

    def after_run(self, run_context: tf.estimator.SessionRunContext, run_values: tf.estimator.SessionRunValues) -> None:
        """Reports if a report is due."""
        self._control.heartbeat()
        if self._due:
            # Fetched together with the step, the global step could be the one before or the one after the update.
            now, step = time.monotonic(), int(run_context.session.run(self._global_step))
            steps_per_second = (step - self._step) / (now - self._at)
            self._at, self._step = now, step
            log(ProgressReport(step, self._steps, float(run_values.results), steps_per_second))


def log(report: ProgressReport) -> None:
    """Writes a report as one record of LOGGER."""
    LOGGER.info(
        "step %d/%d, loss %.4f, %.0f steps/s",
        report.step, report.steps, report.loss, report.steps_per_second,
        extra={"progress": report},
    )  # fmt: skip
