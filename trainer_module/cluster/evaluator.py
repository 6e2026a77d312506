"""The evaluator: evaluates the newest checkpoint, exports it if it is one to export, until the training is over."""

from __future__ import annotations

import contextlib
import logging
import os
import posixpath
import time
from collections.abc import Callable, Iterator

import tensorflow as tf

from trainer_module.cluster import addresses
from trainer_module.cluster.evaluator_heartbeat import EvaluatorHeartbeat, EvaluatorHeartbeatHook
from trainer_module.supervision.watchdog import Control, InterruptHook
from trainer_module.training import attempt
from trainer_module.training.job import Job
from trainer_module.training.settings import TrainSettings
from trainer_module.training.training import Training
from trainer_module.training.training_state import FOLDER, HELD, TrainingState

_log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 0.5
_CALL_EVERY_SECONDS = 5.0


class EvaluationPace:
    """When a checkpoint on the way is evaluated: a share of the time, or so many seconds apart. The last one is in any case."""

    def __init__(self, settings: TrainSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._next = -float("inf")

    def due(self, step: int) -> bool:
        """Whether the checkpoint of a step is evaluated now."""
        return step >= self._settings.steps or self._clock() >= self._next

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """Around an evaluation."""
        began = self._clock()
        yield
        apart = self._settings.eval_seconds
        # On one machine all roles share its processors: what evaluations take, steps do not get.
        share = (self._clock() - began) / self._settings.overhead if self._settings.overhead else 0.0
        self._next = began + (share if apart is None else apart)


def run(job: Job, chief: str | None, control: Control) -> None:
    """Evaluates until the training is over.

    Waiting for a checkpoint counts as progress as long as the chief answers.

    Args:
        job: what is trained.
        chief: its address.
        control: of whoever watches.

    Raises:
        trainer_module.supervision.watchdog.InterruptedTraining: it was asked to leave.
    """
    training, training_state = attempt.build(job, control), TrainingState(job)
    pace, called_at = EvaluationPace(job.settings), -float("inf")
    while not (state := training_state.read()).finished:
        if control.stopping:
            control.raise_if_stopping()
        if not state.evaluated and state.step and pace.due(state.step):
            with pace.evaluating():
                _evaluate(training)
            continue
        if chief and time.monotonic() - called_at > _CALL_EVERY_SECONDS:
            called_at = time.monotonic()
            if addresses.answers(chief):
                control.heartbeat()
        time.sleep(_LOOK_EVERY_SECONDS)


def _evaluate(training: Training) -> None:
    estimator, folder = training.estimator, training.folder
    with _held(folder) as checkpoint:
        if checkpoint is None:
            return
        _log.info("Evaluating %s.", posixpath.basename(checkpoint))
        hooks = [InterruptHook(training.control), EvaluatorHeartbeatHook(EvaluatorHeartbeat(folder))]
        metrics = estimator.evaluate(training.eval_input_fn, checkpoint_path=checkpoint, hooks=hooks)
        is_final = metrics["global_step"] >= training.settings.steps
        exports = training.exports_folder()
        training.exporter().export(estimator, exports, checkpoint, metrics, is_the_final_export=is_final)


@contextlib.contextmanager
def _held(folder: str) -> Iterator[str | None]:
    """Keeps the newest checkpoint from being deleted, as the chief does with old ones: yields a second name of its files.

    Yields None if it was deleted before it could be kept.
    """
    newest = tf.train.latest_checkpoint(folder)
    held = posixpath.join(folder, FOLDER, HELD)
    _remove(held)
    tf.io.gfile.makedirs(held)
    try:
        if newest:
            for path in tf.io.gfile.glob([f"{newest}.data-*", f"{newest}.index"]):
                _link(path, posixpath.join(held, posixpath.basename(path)))
        checkpoint = posixpath.join(held, posixpath.basename(newest)) if newest else ""
        yield checkpoint if checkpoint and tf.compat.v1.train.checkpoint_exists(checkpoint) else None
    finally:
        _remove(held)


def _link(path: str, target: str) -> None:
    """Gives a file a second name, or copies it where that cannot be."""
    try:
        os.link(path, target)
    except OSError:
        with contextlib.suppress(tf.errors.NotFoundError):
            tf.io.gfile.copy(path, target, overwrite=True)


def _remove(folder: str) -> None:
    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)
