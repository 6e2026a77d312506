"""Skill: how much better a classifier is than knowing nothing but the labels' distribution.

A fixed threshold on accuracy means nothing by itself: on the taxi data a constant model is right in 77.5 % of all rows.
Skill metrics are differences against such a reference, computed in the same pass over the same rows, so that one
threshold ("above zero by a margin") means the same on any data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np
from tensorflow_model_analysis.metrics import confusion_matrix_metrics

from components.metrics.combiner import Row, Sums, SumsMetric

ACCURACY_SKILL = "accuracy_skill"

# Keras cuts probabilities off here before it takes a logarithm.
_EPSILON = 1e-7


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


class MulticlassSkill(SumsMetric):
    """Accuracy of the most probable class, the same minus the share of the largest class, and the cross entropy."""

    NAMES: ClassVar[tuple[str, ...]] = ("accuracy", ACCURACY_SKILL, "cross_entropy")

    def terms(self, label: Row, prediction: Row, features: Mapping[str, Row]) -> Iterable[float]:
        """Returns whether it is right, the cross entropy, and the class itself, one-hot."""
        true = int(label[0])
        probability = np.clip(prediction[true] / prediction.sum(), _EPSILON, 1 - _EPSILON)
        return np.argmax(prediction) == true, -np.log(probability), *np.eye(len(prediction))[true]

    def values(self, weight: float, sums: Sums) -> Iterable[float]:
        """Returns the values from the sums."""
        accuracy, cross_entropy, *classes = sums / weight
        return accuracy, accuracy - max(classes), cross_entropy
