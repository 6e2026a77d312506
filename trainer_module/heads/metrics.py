"""The metrics that every model of a task reports during training, with TFMA's names and parameters."""

from __future__ import annotations

import tensorflow as tf

from data import Task
from data import metric_names as names

# Number of thresholds of every AUC, in training and in TFMA: two AUCs are comparable only if it is the same. TFMA computes an
# AUC from a histogram of 10,000 buckets. With fewer thresholds than buckets, the AUCs of training and TFMA differ by 2e-4.
AUC_THRESHOLDS = 10_000

Metrics = dict[str, tf.keras.metrics.Metric]


def eval_metric_ops(task: Task, labels: tf.Tensor, predictions: tf.Tensor, weights: tf.Tensor | None = None) -> Metrics:
    """Returns metric name -> metric, updated in the current graph: `eval_metric_ops` of an EstimatorSpec.

    Args:
        task: decides which metrics.
        labels: [batch, 1] classes, or [batch, n] numbers in the label's units.
        predictions: the task's prediction (`trainer_module.heads.PREDICTION_KEYS`): [batch, 1] probabilities of class 1,
            [batch, classes] probabilities, or [batch, n] numbers in the label's units.
        weights: example weights [batch, 1]; None means 1 for every example.
    """
    keras = tf.keras.metrics
    if task == "binary_classification":
        metrics = {
            names.AUC: keras.AUC(AUC_THRESHOLDS),
            names.AUC_PRECISION_RECALL: keras.AUC(AUC_THRESHOLDS, curve="PR"),
            names.BINARY_ACCURACY: keras.BinaryAccuracy(),
        }
        return _updated(metrics, labels, predictions, weights) | _means(labels, predictions, weights)
    if task == "multiclass_classification":
        metrics = {
            names.ACCURACY: keras.SparseCategoricalAccuracy(),
            names.CROSS_ENTROPY: keras.SparseCategoricalCrossentropy(),
        }
        return _updated(metrics, labels, predictions, weights)
    metrics = {names.RMSE: keras.RootMeanSquaredError(), names.MAE: keras.MeanAbsoluteError()}
    if task == "forecast":
        return _updated(metrics, labels, predictions, weights)
    relative = tf.math.divide_no_nan(tf.abs(predictions - labels), tf.abs(labels))
    return {
        **_updated(metrics, labels, predictions, weights),
        names.MEAN_RELATIVE_ERROR: _mean(names.MEAN_RELATIVE_ERROR, relative, weights),
        **_means(labels, predictions, weights),
    }


def _updated(metrics: Metrics, labels: tf.Tensor, predictions: tf.Tensor, weights: tf.Tensor | None) -> Metrics:
    for metric in metrics.values():
        metric.update_state(labels, predictions, sample_weight=weights)
    return metrics


def _means(labels: tf.Tensor, predictions: tf.Tensor, weights: tf.Tensor | None) -> Metrics:
    return {
        names.MEAN_LABEL: _mean(names.MEAN_LABEL, labels, weights),
        names.MEAN_PREDICTION: _mean(names.MEAN_PREDICTION, predictions, weights),
    }


def _mean(name: str, values: tf.Tensor, weights: tf.Tensor | None) -> tf.keras.metrics.Metric:
    metric = tf.keras.metrics.Mean(name=name)
    metric.update_state(values, sample_weight=weights)
    return metric
