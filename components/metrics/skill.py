"""Skill: how much better a model is than knowing nothing but the labels' distribution.

A fixed threshold on accuracy means nothing by itself: on the taxi data a constant model is right in 77.5 % of all rows.
Skill metrics are differences against such a reference, computed in the same pass over the same rows, so that one
threshold ("above zero by a margin") means the same on any data.
"""

from __future__ import annotations

from tensorflow_model_analysis.metrics import confusion_matrix_metrics

ACCURACY_SKILL = "accuracy_skill"


class AccuracySkill(confusion_matrix_metrics.ConfusionMatrixMetric):
    """Accuracy minus the (weighted) share of the majority class: 0 for a constant model, negative for a worse one."""

    def __init__(self, name: str = ACCURACY_SKILL) -> None:
        """Threshold: one half."""
        super().__init__(name=name)

    def _default_name(self) -> str:
        return ACCURACY_SKILL

    def result(self, tp: float, tn: float, fp: float, fn: float) -> float:
        """Returns the skill from the four counts at the threshold; NaN without rows."""
        total = tp + tn + fp + fn
        if not total:
            return float("nan")
        return ((tp + tn) - max(tp + fn, tn + fp)) / total
