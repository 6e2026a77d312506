"""Which evaluated checkpoints become SavedModels: tf.estimator's exporters, with a memory."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from trainer_module.checkpoints.evaluations import Evaluations
from trainer_module.serving.receiver import ReceiverFn
from trainer_module.supervision.watchdog import Control
from trainer_module.training.settings import Export

# The export that is recorded as the best stays until the next one has been recorded.
_BEST_EXPORTS = 2


class RememberingExporter(tf.estimator.Exporter):
    """One of tf.estimator's exporters; every evaluation that comes by is recorded, and the best checkpoint kept.

    A `tf.estimator.BestExporter` is asked only about evaluations that beat the recorded best. By itself it forgets: the
    first one that it sees after a restart it exports and takes for the best, however bad (`_has_exported`, TF 2.15).
    """

    def __init__(self, inner: tf.estimator.Exporter, evaluations: Evaluations, control: Control) -> None:
        """`inner`: what exports. `evaluations`: where they are recorded. `control`: whoever watches."""
        self._inner = inner
        self._evaluations = evaluations
        self._control = control

    @property
    def name(self) -> str:
        """Name of the folder of exports."""
        return self._inner.name

    def export(
        self,
        estimator: tf.estimator.Estimator,
        export_path: str,
        checkpoint_path: str,
        eval_result: Mapping[str, float],
        is_the_final_export: bool,
    ) -> str | None:
        """Exports a checkpoint that was evaluated, if it is one to export, and records the evaluation."""
        self._control.raise_if_stopping()
        saved_model = None
        if not isinstance(self._inner, tf.estimator.BestExporter) or self._evaluations.is_best(eval_result):
            saved_model = self._inner.export(estimator, export_path, checkpoint_path, eval_result, is_the_final_export)
        path = tf.compat.as_str(saved_model) if saved_model else None
        self._evaluations.record(checkpoint_path, eval_result, path)
        self._control.raise_if_stopping()
        return path


def build(kind: Export, evaluations: Evaluations, receiver_fn: ReceiverFn, keep: int, control: Control) -> RememberingExporter:
    """Returns the exporter that a configuration names.

    Args:
        kind: "best" exports a checkpoint that beats all before it, "latest" every one that is evaluated, "final" the last.
        evaluations: where they are recorded, and what is better.
        receiver_fn: the inputs of the served model.
        keep: number of exports that "latest" leaves on disk.
        control: of whoever watches the training.
    """

    def is_better(best_eval_result: Mapping[str, float], current_eval_result: Mapping[str, float]) -> bool:
        return evaluations.is_better(current_eval_result, best_eval_result)

    if kind == "best":
        # No event files: what is the best is read from the record of the evaluations.
        inner = tf.estimator.BestExporter(
            kind, receiver_fn, event_file_pattern=None, compare_fn=is_better, exports_to_keep=_BEST_EXPORTS
        )
    elif kind == "latest":
        inner = tf.estimator.LatestExporter(kind, receiver_fn, exports_to_keep=keep)
    else:
        inner = tf.estimator.FinalExporter(kind, receiver_fn)
    return RememberingExporter(inner, evaluations, control)
