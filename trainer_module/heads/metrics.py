"""What every model of a task reports while it trains, under the names and with the parameters that TFMA uses afterwards."""

from __future__ import annotations

import tensorflow as tf

from data import Task
from data import metric_names as names

# Thresholds of every AUC of the project, in training and in TFMA alike: two numbers are comparable only if these agree. As
# many as the buckets of the histogram from which TFMA computes an AUC: with fewer its buckets and the thresholds do not
# coincide, and the two differ by 2e-4.
AUC_THRESHOLDS = 10_000

Metrics = dict[str, tf.keras.metrics.Metric]


def evaluate(task: Task, labels: tf.Tensor, predicted: tf.Tensor, weights: tf.Tensor | None = None) -> Metrics:
    """Returns the metrics of a task, updated in the current graph: `eval_metric_ops` of an EstimatorSpec.

    Args:
        task: decides which metrics.
        labels: [batch, 1] classes, or [batch, n] numbers in the label's own units.
        predicted: what `trainer_module.heads.PREDICTED` names for the task: [batch, 1] probabilities of the positive class,
            [batch, classes] probabilities, or [batch, n] numbers in the label's own units.
        weights: [batch, 1] of the examples; None counts every one 1.
    """
    keras = tf.keras.metrics
    if task == "binary_classification":
        metrics = {
            names.AUC: keras.AUC(AUC_THRESHOLDS),
            names.AUC_PRECISION_RECALL: keras.AUC(AUC_THRESHOLDS, curve="PR"),
            names.BINARY_ACCURACY: keras.BinaryAccuracy(),
        }
        return _updated(metrics, labels, predicted, weights) | _means(labels, predicted, weights)
    if task == "multiclass_classification":
        metrics = {
            names.ACCURACY: keras.SparseCategoricalAccuracy(),
            names.CROSS_ENTROPY: keras.SparseCategoricalCrossentropy(),
        }
        return _updated(metrics, labels, predicted, weights)
    metrics = {names.RMSE: keras.RootMeanSquaredError(), names.MAE: keras.MeanAbsoluteError()}
    if task == "forecast":
        return _updated(metrics, labels, predicted, weights)
    relative = tf.math.divide_no_nan(tf.abs(predicted - labels), tf.abs(labels))
    return {
        **_updated(metrics, labels, predicted, weights),
        names.MEAN_RELATIVE_ERROR: _mean(names.MEAN_RELATIVE_ERROR, relative, weights),
        **_means(labels, predicted, weights),
    }


def _updated(metrics: Metrics, labels: tf.Tensor, predicted: tf.Tensor, weights: tf.Tensor | None) -> Metrics:
    for metric in metrics.values():
        metric.update_state(labels, predicted, sample_weight=weights)
    return metrics


def _means(labels: tf.Tensor, predicted: tf.Tensor, weights: tf.Tensor | None) -> Metrics:
    return {
        names.MEAN_LABEL: _mean(names.MEAN_LABEL, labels, weights),
        names.MEAN_PREDICTION: _mean(names.MEAN_PREDICTION, predicted, weights),
    }


def _mean(name: str, values: tf.Tensor, weights: tf.Tensor | None) -> tf.keras.metrics.Metric:
    metric = tf.keras.metrics.Mean(name=name)
    metric.update_state(values, sample_weight=weights)
    return metric
