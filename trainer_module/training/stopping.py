"""The stop rule: a training that has stopped getting better ends before its last step."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from trainer_module.training.evaluations import Evaluations


class StopHook(tf.estimator.SessionRunHook):
    """Ends a training at the checkpoint whose evaluation came `patience` steps after the best one without beating it.

    The library's `stop_if_no_increase_hook` looks one step after the checkpoint, so that another checkpoint is written and
    evaluated; and it stores a variable of its own, without which no checkpoint can be continued: a patience could not be
    set for a training that began without one, nor raised for one that was stopped. This hook reads what is recorded.
    """

    def __init__(self, evaluations: Evaluations, patience: int, every_steps: int) -> None:
        """`every_steps`: how often it looks, the steps between two checkpoints."""
        self._evaluations = evaluations
        self._patience = patience
        self._every_steps = every_steps

    def begin(self) -> None:
        """Finds the step."""
        self._step = tf.compat.v1.train.get_global_step()

    def after_create_session(self, session: tf.compat.v1.Session, coord: object) -> None:
        """Starts to count, like the hook that writes checkpoints."""
        self._next = int(session.run(self._step)) + self._every_steps

    def before_run(self, run_context: Any) -> tf.estimator.SessionRunArgs:
        """Asks for the step."""
        return tf.estimator.SessionRunArgs(self._step)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Looks, when it is time. The checkpoint of this step was written and evaluated just before (hooks of the chief)."""
        if run_values.results + 1 < self._next:  # what was fetched may be the step before this one's update
            return
        step = int(run_context.session.run(self._step))
        if step >= self._next:
            self._next = step + self._every_steps
            if self._evaluations.stalled(self._patience):
                run_context.request_stop()
