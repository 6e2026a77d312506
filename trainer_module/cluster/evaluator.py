"""The evaluator of a cluster: evaluates the newest checkpoint, and exports it if it is due, until the training is finished."""

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
from trainer_module.supervision.control import Control, InterruptHook
from trainer_module.training import attempt
from trainer_module.training.job import Job
from trainer_module.training.prepared import PreparedTraining
from trainer_module.training.settings import TrainSettings
from trainer_module.training.training_state import EVALUATED_CHECKPOINT, FOLDER, TrainingState

_log = logging.getLogger(__name__)

_CHECK_EVERY_SECONDS = 0.5
_CONNECT_EVERY_SECONDS = 5.0


class EvaluationPace:
    """Decides which checkpoints are evaluated: by seconds between two evaluations, or by their share of the time.

    The last checkpoint is always evaluated.
    """

    def __init__(self, settings: TrainSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._next = -float("inf")

    def due(self, step: int) -> bool:
        """Returns whether the checkpoint of a step must be evaluated now."""
        return step >= self._settings.steps or self._clock() >= self._next

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """Measures the evaluation in its `with` block, and plans the next one."""
        began = self._clock()
        yield
        apart = self._settings.eval_seconds
        # On one machine all roles share the processors, so an evaluation slows down the steps.
        share = (self._clock() - began) / self._settings.overhead if self._settings.overhead else 0.0
        self._next = began + (share if apart is None else apart)


def run(job: Job, chief: str | None, control: Control, *, connect_every_seconds: float = _CONNECT_EVERY_SECONDS) -> None:
    """Evaluates checkpoints until the training is finished.

    Waiting for a checkpoint counts as progress while the chief answers.

    Args:
        job: the training.
        chief: address of the chief; None if it is unknown.
        control: the link to the watchdog.
        connect_every_seconds: how often to check that the chief answers.

    Raises:
        trainer_module.supervision.control.InterruptedTraining: `control` requested a stop.
    """
    training, training_state = attempt.build(job, control), TrainingState(job)
    pace, connected_at = EvaluationPace(job.settings), -float("inf")
    while not (state := training_state.read()).finished:
        if control.stopping:
            control.raise_if_stopping()
        if not state.evaluated and state.step and pace.due(state.step):
            with pace.evaluating():
                _evaluate(training)
            continue
        if chief and time.monotonic() - connected_at > connect_every_seconds:
            connected_at = time.monotonic()
            if addresses.answers(chief):
                control.heartbeat()
        time.sleep(_CHECK_EVERY_SECONDS)


def _evaluate(training: PreparedTraining) -> None:
    estimator, folder = training.estimator, training.folder
    with _protected_checkpoint(folder) as checkpoint:
        if checkpoint is None:
            return
        _log.info("Evaluating %s.", posixpath.basename(checkpoint))
        hooks = [InterruptHook(training.control), EvaluatorHeartbeatHook(EvaluatorHeartbeat(folder))]
        metrics = estimator.evaluate(training.eval_input_fn, checkpoint_path=checkpoint, hooks=hooks)
        is_final = metrics["global_step"] >= training.settings.steps
        exports = training.exports_folder()
        training.exporter().export(estimator, exports, checkpoint, metrics, is_the_final_export=is_final)


@contextlib.contextmanager
def _protected_checkpoint(folder: str) -> Iterator[str | None]:
    """Protects the newest checkpoint from the chief, which deletes old checkpoints even while they are evaluated.

    Yields:
        Path of a hard link to the checkpoint; None if the chief deleted the checkpoint first.
    """
    newest = tf.train.latest_checkpoint(folder)
    copies = posixpath.join(folder, FOLDER, EVALUATED_CHECKPOINT)
    _remove(copies)
    tf.io.gfile.makedirs(copies)
    try:
        if newest:
            for path in tf.io.gfile.glob([f"{newest}.data-*", f"{newest}.index"]):
                _link(path, posixpath.join(copies, posixpath.basename(path)))
        checkpoint = posixpath.join(copies, posixpath.basename(newest)) if newest else ""
        yield checkpoint if checkpoint and tf.compat.v1.train.checkpoint_exists(checkpoint) else None
    finally:
        _remove(copies)


def _link(path: str, target: str) -> None:
    """Makes a hard link to a file, or a copy if the file system has no hard links."""
    try:
        os.link(path, target)
    except OSError:
        with contextlib.suppress(tf.errors.NotFoundError):
            tf.io.gfile.copy(path, target, overwrite=True)


def _remove(folder: str) -> None:
    if tf.io.gfile.exists(folder):
        tf.io.gfile.rmtree(folder)
