"""The metrics that every model of a task reports while it trains, with the parameters that TFMA uses afterwards."""

from __future__ import annotations

import tensorflow as tf

# Thresholds of every AUC of the project, in training and in TFMA alike: two numbers are comparable only if these agree. As
# many as the buckets of the histogram from which TFMA computes an AUC: with fewer its buckets and the thresholds do not
# coincide, and the two differ by 2e-4.
AUC_THRESHOLDS = 10_000

# Key of the probability [batch, 1] among the predictions of a binary classifier: canned heads call it so.
LOGISTIC = "logistic"


def binary_metrics() -> dict[str, tf.keras.metrics.Metric]:
    """Returns new metric objects of a binary classifier by their TFMA names; to be fed (labels, probabilities)."""
    return {
        "auc": tf.keras.metrics.AUC(AUC_THRESHOLDS, name="auc"),
        "auc_precision_recall": tf.keras.metrics.AUC(AUC_THRESHOLDS, curve="PR", name="auc_precision_recall"),
        "binary_accuracy": tf.keras.metrics.BinaryAccuracy(name="binary_accuracy"),
        "mean_label": tf.keras.metrics.Mean(name="mean_label"),
        "mean_prediction": tf.keras.metrics.Mean(name="mean_prediction"),
    }


def evaluate_binary(labels: tf.Tensor, probabilities: tf.Tensor) -> dict[str, tf.keras.metrics.Metric]:
    """Returns `binary_metrics` updated in the current graph: the `eval_metric_ops` of an EstimatorSpec.

    Args:
        labels: [batch, 1], 0 or 1.
        probabilities: [batch, 1] of the positive class.
    """
    metrics = binary_metrics()
    for name, metric in metrics.items():
        if name == "mean_label":
            metric.update_state(labels)
        elif name == "mean_prediction":
            metric.update_state(probabilities)
        else:
            metric.update_state(labels, probabilities)
    return metrics
