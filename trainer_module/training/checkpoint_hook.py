"""The hook that saves and evaluates checkpoints while a training runs."""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Callable

import tensorflow as tf

from trainer_module.checkpoints.checkpoints import PREFIX
from trainer_module.supervision.control import Control
from trainer_module.training.cadence import Cadence

_log = logging.getLogger(__name__)


class CheckpointHook(tf.compat.v1.train.CheckpointSaverHook):
    """Saves checkpoints, triggers their evaluation, and ends the training, as the cadence and the control decide.

    It replaces the hook that an Estimator adds; the Estimator recognises this base class. That hook saves a restored
    checkpoint again, does not measure the cost of saving, and cannot save when the process is asked to stop.
    """

    def __init__(self, folder: str, cadence: Cadence, control: Control, out_of_patience: Callable[[], bool]) -> None:
        """Creates the hook.

        Args:
            folder: the folder of the training.
            cadence: decides when to save and when to evaluate.
            control: the link to the watchdog.
            out_of_patience: whether the stop rule, which reads the evaluations, ends the training.
        """
        super().__init__(folder, save_steps=1, save_graph_def=False)  # unused: `cadence` decides
        self._folder = folder
        self._cadence = cadence
        self._control = control
        self._out_of_patience = out_of_patience

    def after_create_session(self, session: tf.compat.v1.Session, coord: object) -> None:
        """Saves the state before the first step unless it has just been restored."""
        step = int(session.run(self._global_step_tensor))
        self._summary_writer.add_graph(tf.compat.v1.get_default_graph())
        self._saved = step
        if tf.train.latest_checkpoint(self._folder) != posixpath.join(self._folder, f"{PREFIX}{step}"):
            self._get_saver().save(session, self._save_path, global_step=step, write_meta_graph=False)
        for listener in self._listeners:  # train_and_evaluate's listener ignores the first call: nothing is trained yet
            listener.after_save(session, step)
        self._cadence.begin(step)
        self._control.raise_if_stopping()

    def after_run(self, run_context: tf.estimator.SessionRunContext, run_values: tf.estimator.SessionRunValues) -> None:
        """Saves a checkpoint, evaluates it, and stops the training, each if it is due."""
        self._control.heartbeat()
        at_least = int(run_values.results)  # the fetched value may be the step before this update
        if self._control.stopping:
            self._save(run_context.session, self._step(run_context.session))
            self._control.raise_if_stopping()
        if self._cadence.checkpoint_due(at_least + 1):
            step = self._step(run_context.session)
            if self._cadence.checkpoint_due(step) and self._save_and_evaluate(run_context.session, step):
                run_context.request_stop()

    def end(self, session: tf.compat.v1.Session) -> None:
        """Saves and evaluates the last step."""
        step = self._step(session)
        self._save(session, step)
        self._control.raise_if_stopping()
        with self._cadence.evaluating(last=True):
            for listener in self._listeners:
                listener.end(session, step)
        _log.info(
            "%.1f s in steps, %.1f s in checkpoints, evaluations and exports.", self._cadence.stepping, self._cadence.spent
        )

    def _save_and_evaluate(self, session: tf.compat.v1.Session, step: int) -> bool:
        """Saves a checkpoint and evaluates it if that is due. Returns whether the training must stop."""
        self._save(session, step)
        self._control.raise_if_stopping()
        stop_requests: list[bool | None] = []
        if self._listeners and self._cadence.evaluation_due():
            with self._cadence.evaluating():
                stop_requests += [listener.after_save(session, step) for listener in self._listeners]
        return any(stop_requests) or self._out_of_patience()

    def _save(self, session: tf.compat.v1.Session, step: int) -> None:
        if step == self._saved:
            return
        with self._cadence.saving(step):
            self._get_saver().save(session, self._save_path, global_step=step, write_meta_graph=False)
        self._saved = step
        self._control.heartbeat()

    def _step(self, session: tf.compat.v1.Session) -> int:
        return int(session.run(self._global_step_tensor))


class EvaluationBudgetHook(tf.estimator.SessionRunHook):
    """Gives up an evaluation during a training when it exceeds the remaining time budget."""

    def __init__(self, cadence: Cadence) -> None:
        self._cadence = cadence

    def before_run(self, run_context: tf.estimator.SessionRunContext) -> None:
        """Checks the budget before every batch."""
        self._cadence.check()
