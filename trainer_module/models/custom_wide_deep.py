"""Wide and deep (Cheng et al. 2016, arXiv:1606.07792) as a custom Estimator, with its own `model_fn` and variables.

The wide part is a linear model over every id. The deep part is a network over the standardised numbers and an embedding of
every id. All features share two tables, in which each feature has its own offset, so a batch needs only two gathers for any
number of features.
"""

from __future__ import annotations

import itertools
from typing import Any

import keras_tuner as kt
import tensorflow as tf

from data import Dataset
from trainer_module.heads import WEIGHT, head

Features = dict[str, tf.Tensor]

TASKS = ("binary_classification", "multiclass_classification", "regression")


def search_space(hp: kt.HyperParameters) -> None:
    """Declares the hyper-parameters with their defaults."""
    hp.Float("learning_rate", 1e-4, 3e-2, sampling="log", default=3e-3)
    hp.Int("embedding_dim", 2, 32, sampling="log", default=8)
    hp.Choice("hidden_units", ["32", "64-32", "128-64", "128-64-32"], default="64-32")
    hp.Float("dropout", 0.0, 0.5, default=0.2)


def build(dataset: Dataset, hp: kt.HyperParameters, config: tf.estimator.RunConfig) -> tf.estimator.Estimator:
    """Returns the Estimator."""
    return tf.estimator.Estimator(model_fn, config=config, params={"dataset": dataset, **hp.values})


def model_fn(features: Features, labels: tf.Tensor | None, mode: str, params: dict[str, Any]) -> tf.estimator.EstimatorSpec:
    """Returns an EstimatorSpec. It builds each part only in the modes that need it; `estimators.build` adds `eval_metric_ops`.

    Args:
        features: transformed feature name -> [batch, 1].
        labels: [batch, 1]; None in PREDICT.
        mode: TRAIN, EVAL or PREDICT.
        params: `dataset` and the hyper-parameters.
    """
    task = head(params["dataset"])
    logits = _logits(features, params, task.logits, training=mode == tf.estimator.ModeKeys.TRAIN)
    predictions = task.predictions(logits)

    if mode == tf.estimator.ModeKeys.PREDICT:
        export_outputs = {"serving_default": tf.estimator.export.PredictOutput(predictions)}
        return tf.estimator.EstimatorSpec(mode, predictions=predictions, export_outputs=export_outputs)

    loss = task.loss(labels, logits, features.get(WEIGHT))
    if mode == tf.estimator.ModeKeys.EVAL:
        return tf.estimator.EstimatorSpec(mode, predictions=predictions, loss=loss)

    optimizer = tf.compat.v1.train.AdamOptimizer(params["learning_rate"])
    train_op = optimizer.minimize(loss, global_step=tf.compat.v1.train.get_or_create_global_step())
    return tf.estimator.EstimatorSpec(mode, predictions=predictions, loss=loss, train_op=train_op)


def _logits(features: Features, params: dict[str, Any], units: int, training: bool) -> tf.Tensor:
    """Returns the logits [batch, units]: the sum of the wide and the deep part."""
    dataset: Dataset = params["dataset"]
    deep = [features[f.name] for f in dataset.numeric]
    logits = 0.0
    if dataset.categorical:
        sizes = [f.cardinality for f in dataset.categorical]
        offsets = list(itertools.accumulate(sizes, initial=0))
        ids = tf.concat(
            [features[f.name] + o for f, o in zip(dataset.categorical, offsets, strict=False)], axis=1
        )  # [batch, categorical]
        with tf.compat.v1.variable_scope("wide"):
            weights = tf.compat.v1.get_variable("weights", [offsets[-1], units], initializer=tf.zeros_initializer())
            logits = tf.reduce_sum(tf.gather(weights, ids), axis=1)
        with tf.compat.v1.variable_scope("deep"):
            dim = params["embedding_dim"]
            table = tf.compat.v1.get_variable("embeddings", [offsets[-1], dim], initializer=_uniform(dim))
            deep.append(tf.reshape(tf.gather(table, ids), [-1, len(sizes) * dim]))

    with tf.compat.v1.variable_scope("deep"):
        x = tf.concat(deep, axis=1)
        for i, width in enumerate(int(u) for u in params["hidden_units"].split("-")):
            x = tf.nn.relu(_dense(x, width, f"hidden_{i}"))
            if training and params["dropout"]:
                x = tf.nn.dropout(x, rate=params["dropout"])
        return logits + _dense(x, units, "logits")


def _dense(x: tf.Tensor, units: int, name: str) -> tf.Tensor:
    """Returns x [batch, n] times a kernel [n, units] plus a bias."""
    with tf.compat.v1.variable_scope(name):
        kernel = tf.compat.v1.get_variable("kernel", [x.shape[1], units], initializer=tf.compat.v1.glorot_uniform_initializer())
        return tf.matmul(x, kernel) + tf.compat.v1.get_variable("bias", [units], initializer=tf.zeros_initializer())


def _uniform(dim: int) -> tf.compat.v1.random_uniform_initializer:
    return tf.compat.v1.random_uniform_initializer(-(dim**-0.5), dim**-0.5)
