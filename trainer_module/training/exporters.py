"""Exporters decide which evaluated checkpoints become SavedModels. These are tf.estimator's, with a memory on disk."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from trainer_module.checkpoints.evaluations import Evaluations
from trainer_module.serving.receiver import ReceiverFn
from trainer_module.supervision.control import Control
from trainer_module.training.settings import Export

# Two, so that the export recorded as the best stays until a better one is recorded.
_BEST_EXPORTS = 2


class RememberingExporter(tf.estimator.Exporter):
    """Wraps one of tf.estimator's exporters: writes every evaluation to disk, and keeps the best checkpoint.

    A `tf.estimator.BestExporter` gets only evaluations that are better than the best one on disk. It has no memory across
    restarts: it would export the first evaluation after a restart, however bad it is (`_has_exported`, TF 2.15).
    """

    def __init__(self, inner: tf.estimator.Exporter, evaluations: Evaluations, control: Control) -> None:
        """`inner` exports, `evaluations` keeps the evaluations, `control` is the link to the watchdog."""
        self._inner = inner
        self._evaluations = evaluations
        self._control = control

    @property
    def name(self) -> str:
        """Name of the folder below `export/`."""
        return self._inner.name

    def export(
        self,
        estimator: tf.estimator.Estimator,
        export_path: str,
        checkpoint_path: str,
        eval_result: Mapping[str, float],
        is_the_final_export: bool,
    ) -> str | None:
        """Exports an evaluated checkpoint if the wrapped exporter wants it, and writes the evaluation to disk."""
        self._control.raise_if_stopping()
        saved_model = None
        if not isinstance(self._inner, tf.estimator.BestExporter) or self._evaluations.is_best(eval_result):
            saved_model = self._inner.export(estimator, export_path, checkpoint_path, eval_result, is_the_final_export)
        path = tf.compat.as_str(saved_model) if saved_model else None
        self._evaluations.record(checkpoint_path, eval_result, path)
        self._control.raise_if_stopping()
        return path


def build(kind: Export, evaluations: Evaluations, receiver_fn: ReceiverFn, keep: int, control: Control) -> RememberingExporter:
    """Returns the exporter of a kind.

    Args:
        kind: "best" exports a checkpoint that is better than all before it, "latest" every evaluated one, "final" the last one.
        evaluations: the evaluations on disk; they also decide which one is better.
        receiver_fn: inputs of the served model.
        keep: number of exports that "latest" leaves on disk.
        control: the link to the watchdog.
    """

    def is_better(best_eval_result: Mapping[str, float], current_eval_result: Mapping[str, float]) -> bool:
        return evaluations.is_better(current_eval_result, best_eval_result)

    if kind == "best":
        # Without event files: the evaluations on disk say which one is the best.
        inner = tf.estimator.BestExporter(
            kind, receiver_fn, event_file_pattern=None, compare_fn=is_better, exports_to_keep=_BEST_EXPORTS
        )
    elif kind == "latest":
        inner = tf.estimator.LatestExporter(kind, receiver_fn, exports_to_keep=keep)
    else:
        inner = tf.estimator.FinalExporter(kind, receiver_fn)
    return RememberingExporter(inner, evaluations, control)
