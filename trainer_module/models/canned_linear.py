"""A linear model as the canned LinearRegressor or LinearClassifier over feature columns."""

from __future__ import annotations

import keras_tuner as kt
import tensorflow as tf

from data import Dataset
from trainer_module.heads import WEIGHT, head

TASKS = ("binary_classification", "multiclass_classification", "regression")


def search_space(hp: kt.HyperParameters) -> None:
    """Declares the hyper-parameters with their defaults."""
    hp.Float("learning_rate", 1e-3, 1.0, sampling="log", default=0.1)
    hp.Float("l2", 1e-6, 1.0, sampling="log", default=1e-3)


def build(dataset: Dataset, hp: kt.HyperParameters, config: tf.estimator.RunConfig) -> tf.estimator.Estimator:
    """Returns the Estimator. It has one weight for each number and for each id."""
    columns = tf.feature_column
    features = [columns.numeric_column(f.name) for f in dataset.numeric]
    features += [columns.categorical_column_with_identity(f.name, f.cardinality) for f in dataset.categorical]
    settings = {
        "feature_columns": features,
        # A function, not an object: an optimizer belongs to the graph of one call of train().
        "optimizer": lambda: tf.keras.optimizers.legacy.Ftrl(hp.get("learning_rate"), l2_regularization_strength=hp.get("l2")),
        "weight_column": WEIGHT if dataset.weight else None,
        # The sum over a batch, the default of TF 1, would tie the learning rate to the batch size.
        "loss_reduction": tf.keras.losses.Reduction.SUM_OVER_BATCH_SIZE,
        "config": config,
    }
    if dataset.task == "regression":
        return tf.estimator.LinearRegressor(**settings)
    return tf.estimator.LinearClassifier(n_classes=max(2, head(dataset).logits), **settings)
