"""An LSTM that predicts the next values of a time series (Hochreiter & Schmidhuber 1997), in low-level TensorFlow.

It is written as in papers and courses of TensorFlow 1: the window is split into its N_INPUTS steps, a basic LSTM cell is
unrolled over them, and its last output times a weight plus a bias gives the N_OUTPUTS predictions. The values of a window are
differences to its last value (`data.Window`), so that a series may leave the range of its past.
"""

from __future__ import annotations

from typing import Any

import keras_tuner as kt
import tensorflow as tf

from data import Dataset, Window
from trainer_module.heads import PREDICTIONS, WEIGHT

v1 = tf.compat.v1

Features = dict[str, tf.Tensor]

TASKS = ("forecast",)
FEATURES = (Window,)

_OPTIMIZERS = {
    "sgd": v1.train.GradientDescentOptimizer,
    "momentum": lambda rate: v1.train.MomentumOptimizer(rate, momentum=0.9),
    "adam": v1.train.AdamOptimizer,
}


def search_space(hp: kt.HyperParameters) -> None:
    """Declares the hyper-parameters with their defaults."""
    hp.Int("units", 4, 128, sampling="log", default=32)
    hp.Choice("optimizer", list(_OPTIMIZERS), default="sgd")
    # Plain gradient descent needs a high rate: with 0.01 the model is worse than the naive forecasts after 1,000 steps.
    hp.Float("learning_rate", 1e-4, 3.0, sampling="log", default=0.5)
    # Steps in which the rate falls to 2 %, along a cosine. With a constant rate some trainings end on a bad step.
    hp.Int("decay_steps", 100, 100_000, sampling="log", default=1000)
    hp.Float("clip_norm", 0.0, 10.0, default=1.0)  # of all gradients together; 0 does not clip


def build(dataset: Dataset, hp: kt.HyperParameters, config: tf.estimator.RunConfig) -> tf.estimator.Estimator:
    """Returns the Estimator."""
    return tf.estimator.Estimator(model_fn, config=config, params={"dataset": dataset, **hp.values})


def model_fn(features: Features, labels: tf.Tensor | None, mode: str, params: dict[str, Any]) -> tf.estimator.EstimatorSpec:
    """Returns the six parts of an EstimatorSpec, each only in the modes that need it.

    All values are on the scale that Transform has learnt. `estimators.build` converts predictions, heads and metrics to the
    units of the series.

    Args:
        features: window name -> [batch, length]: N_INPUTS values, or N_INPUTS + N_OUTPUTS if they are known in advance.
        labels: [batch, N_OUTPUTS]; None in PREDICT.
        mode: TRAIN, EVAL or PREDICT.
        params: `dataset` and the hyper-parameters.
    """
    dataset: Dataset = params["dataset"]
    assert dataset.series
    state, outputs = _lstm(_steps(features, dataset), params["units"])
    known = [features[w.name][:, dataset.series.inputs :] for w in dataset.windows if w.length > dataset.series.inputs]
    predicted = _dense(tf.concat([outputs, *known], axis=1), dataset.series.outputs)

    # 1. mode, 2. predictions as a dictionary
    predictions = {PREDICTIONS: predicted, "embedding": state}
    if mode == tf.estimator.ModeKeys.PREDICT:
        # 3. export_outputs: the signatures of the served model
        predict = tf.estimator.export.PredictOutput({PREDICTIONS: predicted})
        heads = {
            "serving_default": predict,  # one of several heads must be the default
            "predict": predict,
            "regression": _regression(predicted),
            "embedding": tf.estimator.export.PredictOutput({"embedding": state}),
        }
        return tf.estimator.EstimatorSpec(mode, predictions=predictions, export_outputs=heads)

    # 4. loss: the mean squared error over batch and horizon
    squares = tf.reduce_mean(tf.math.squared_difference(predicted, labels), axis=1, keepdims=True)
    loss = tf.reduce_mean(squares * features.get(WEIGHT, 1.0))
    if mode == tf.estimator.ModeKeys.EVAL:
        # 5. eval_metric_ops
        metrics = {
            "rmse": v1.metrics.root_mean_squared_error(labels, predicted),
            "mae": v1.metrics.mean_absolute_error(labels, predicted),
        }
        return tf.estimator.EstimatorSpec(mode, predictions=predictions, loss=loss, eval_metric_ops=metrics)

    # 6. train_op
    return tf.estimator.EstimatorSpec(mode, predictions=predictions, loss=loss, train_op=_train_op(loss, params))


def _steps(features: Features, dataset: Dataset) -> list[tf.Tensor]:
    """Splits the windows into N_INPUTS steps [batch, channels], one channel for every window."""
    assert dataset.series
    inputs = dataset.series.inputs
    channels = tf.stack([features[w.name][:, :inputs] for w in dataset.windows], axis=2)
    return [tf.squeeze(step, axis=1) for step in tf.split(channels, inputs, axis=1)]


def _lstm(steps: list[tf.Tensor], units: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the last state of the cell and its last output, both [batch, units]."""
    cell = v1.nn.rnn_cell.BasicLSTMCell(units, forget_bias=1.0)
    outputs, state = v1.nn.static_rnn(cell, steps, dtype=tf.float32)
    return state.c, outputs[-1]


def _dense(x: tf.Tensor, units: int) -> tf.Tensor:
    weight = v1.get_variable("weight", [x.shape[1], units], initializer=v1.random_normal_initializer(stddev=0.1))
    return tf.matmul(x, weight) + v1.get_variable("bias", [units], initializer=v1.zeros_initializer())


def _regression(predicted: tf.Tensor) -> tf.estimator.export.ExportOutput:
    """Returns a regression head, or a prediction head for several values: the regression API of Serving takes one a row."""
    if predicted.shape[1] == 1:
        return tf.estimator.export.RegressionOutput(predicted)
    return tf.estimator.export.PredictOutput({PREDICTIONS: predicted})


def _train_op(loss: tf.Tensor, params: dict[str, Any]) -> tf.Operation:
    step = v1.train.get_global_step()
    rate = v1.train.cosine_decay(params["learning_rate"], step, params["decay_steps"], alpha=0.02)
    v1.summary.scalar("learning_rate", rate)
    optimizer = _OPTIMIZERS[params["optimizer"]](rate)
    gradients, variables = zip(*optimizer.compute_gradients(loss), strict=True)
    if params["clip_norm"]:
        gradients, _ = tf.clip_by_global_norm(gradients, params["clip_norm"])
    return optimizer.apply_gradients(zip(gradients, variables, strict=True), global_step=step)
