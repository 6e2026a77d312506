"""The evaluator's heartbeat: a file that shows the chief, perhaps on another machine, that an evaluation makes progress."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Callable

import tensorflow as tf

from trainer_module.training.training_state import FOLDER

_FILE = "evaluator_heartbeat"
_EVERY_SECONDS = 5.0


class EvaluatorHeartbeat:
    """The heartbeat file. The evaluator writes it, the chief reads it."""

    def __init__(self, folder: str) -> None:
        """`folder`: of the training."""
        self._path, self._last_seen = posixpath.join(folder, FOLDER, _FILE), ""

    def beat(self) -> None:
        """Records that the evaluator has made progress."""
        tf.io.gfile.makedirs(posixpath.dirname(self._path))
        with tf.io.gfile.GFile(self._path, "w") as file:
            file.write(str(time.time_ns()))

    def has_beaten(self) -> bool:
        """Returns whether the evaluator has made progress since the last call.

        It compares contents, not times: the clocks of two machines differ.
        """
        previous, self._last_seen = self._last_seen, self._read()
        return self._last_seen != previous

    def _read(self) -> str:
        try:
            with tf.io.gfile.GFile(self._path) as file:
                return file.read()
        except tf.errors.NotFoundError:
            return ""


class EvaluatorHeartbeatHook(tf.estimator.SessionRunHook):
    """Writes the heartbeat during an evaluation: every batch is progress."""

    def __init__(self, heartbeat: EvaluatorHeartbeat, clock: Callable[[], float] = time.monotonic) -> None:
        """`heartbeat`: the file. `clock`: returns seconds."""
        self._heartbeat, self._clock, self._last_beat = heartbeat, clock, -float("inf")

    def before_run(self, run_context: tf.estimator.SessionRunContext) -> None:
        """Writes the heartbeat, at most every five seconds."""
        if self._clock() - self._last_beat > _EVERY_SECONDS:
            self._last_beat = self._clock()
            self._heartbeat.beat()

    def end(self, session: tf.compat.v1.Session) -> None:
        """Writes the heartbeat once more, because an export follows."""
        self._heartbeat.beat()
