"""The pulse of the evaluator: a file by which it shows whoever waits for it, on another machine perhaps, that it gets on."""

from __future__ import annotations

import posixpath
import time
from typing import Any

import tensorflow as tf

from trainer_module.training.training_state import FOLDER

_FILE = "pulse"
_EVERY_SECONDS = 5.0


class EvaluatorHeartbeat:
    """The file, for the one that writes it or the one that reads it."""

    def __init__(self, folder: str) -> None:
        """`folder`: of the training."""
        self._path, self._felt = posixpath.join(folder, FOLDER, _FILE), ""

    def beat(self) -> None:
        """Says that there was progress."""
        tf.io.gfile.makedirs(posixpath.dirname(self._path))
        with tf.io.gfile.GFile(self._path, "w") as file:
            file.write(str(time.time_ns()))

    def felt(self) -> bool:
        """Whether there was progress since the last call. By what the file says: the clocks of two machines differ."""
        before, self._felt = self._felt, self._read()
        return self._felt != before

    def _read(self) -> str:
        try:
            with tf.io.gfile.GFile(self._path) as file:
                return file.read()
        except tf.errors.NotFoundError:
            return ""


class EvaluatorHeartbeatHook(tf.estimator.SessionRunHook):
    """Every batch of an evaluation is progress."""

    def __init__(self, pulse: EvaluatorHeartbeat) -> None:
        self._pulse, self._at = pulse, -float("inf")

    def before_run(self, run_context: Any) -> None:
        """Says so, every few seconds."""
        if time.monotonic() - self._at > _EVERY_SECONDS:
            self._at = time.monotonic()
            self._pulse.beat()

    def end(self, session: tf.compat.v1.Session) -> None:
        """Says so once more: an export follows."""
        self._pulse.beat()
