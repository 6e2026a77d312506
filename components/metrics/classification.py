"""Skill of classifiers: how much better a model is than a constant one that knows only the distribution of the labels.

A fixed bound on accuracy alone means nothing: on the taxi data a constant model is right in 77.5 % of all rows. Skill is
the difference to that constant model, computed in the same pass over the same rows. So one bound ("above zero by a margin")
means the same on any data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from tensorflow_model_analysis.metrics import confusion_matrix_metrics

from components.metrics.combiner import Row, Sums, SumsMetric
from data import metric_names as names

# Keras limits probabilities to this before it takes the logarithm.
_EPSILON = 1e-7


class AccuracySkill(confusion_matrix_metrics.ConfusionMatrixMetric):
    """Accuracy minus the (weighted) share of the larger of two classes: 0 for a constant model, negative for a worse one."""

    def __init__(self, name: str = names.ACCURACY_SKILL) -> None:
        """Creates the metric. Its threshold is one half."""
        super().__init__(name=name)

    def _default_name(self) -> str:
        return names.ACCURACY_SKILL

    def result(self, tp: float, tn: float, fp: float, fn: float) -> float:
        """Returns the skill from the four counts at the threshold; NaN without rows."""
        total = tp + tn + fp + fn
        if not total:
            return float("nan")
        return ((tp + tn) - max(tp + fn, tn + fp)) / total


class MulticlassSkill(SumsMetric):
    """The metrics of a multi-class classification: accuracy of the most probable class, its skill, and cross entropy."""

    def terms(self, label: Row, prediction: Row, features: Mapping[str, Row]) -> Iterable[float]:
        """Returns 1 or 0 for right or wrong, the cross entropy, and the true class, one-hot."""
        true = int(label[0])
        probability = np.clip(prediction[true] / prediction.sum(), _EPSILON, 1 - _EPSILON)
        return np.argmax(prediction) == true, -np.log(probability), *np.eye(len(prediction))[true]

    def values(self, weight: float, sums: Sums) -> Mapping[str, float]:
        """Returns metric name -> value."""
        accuracy, cross_entropy, *classes = sums / weight
        return {
            names.ACCURACY: accuracy,
            names.ACCURACY_SKILL: accuracy - max(classes),
            names.CROSS_ENTROPY: cross_entropy,
        }
