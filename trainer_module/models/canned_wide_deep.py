"""Wide and deep (Cheng et al. 2016, arXiv:1606.07792) as the canned DNNLinearCombined Estimators over feature columns."""

from __future__ import annotations

import keras_tuner as kt
import tensorflow as tf

from data import Dataset
from trainer_module.heads import WEIGHT, head

TASKS = ("binary_classification", "multiclass_classification", "regression")


def search_space(hp: kt.HyperParameters) -> None:
    """Declares the hyper-parameters with their defaults."""
    hp.Float("learning_rate", 1e-4, 3e-2, sampling="log", default=3e-3)
    hp.Float("linear_learning_rate", 1e-3, 0.5, sampling="log", default=0.02)
    hp.Int("embedding_dim", 2, 32, sampling="log", default=8)
    hp.Choice("hidden_units", ["32", "64-32", "128-64", "128-64-32"], default="64-32")
    hp.Float("dropout", 0.0, 0.5, default=0.2)


def build(dataset: Dataset, hp: kt.HyperParameters, config: tf.estimator.RunConfig) -> tf.estimator.Estimator:
    """Returns the Estimator."""
    columns = tf.feature_column
    wide = [columns.categorical_column_with_identity(f.name, f.cardinality) for f in dataset.categorical]
    deep = [columns.numeric_column(f.name) for f in dataset.numeric]
    deep += [columns.embedding_column(c, hp.get("embedding_dim")) for c in wide]
    settings = {
        "linear_feature_columns": wide,
        # Functions, not objects: an optimizer belongs to the graph of one call of train().
        "linear_optimizer": lambda: tf.keras.optimizers.legacy.Ftrl(hp.get("linear_learning_rate")),
        "dnn_feature_columns": deep,
        "dnn_optimizer": lambda: tf.keras.optimizers.legacy.Adam(hp.get("learning_rate")),
        "dnn_hidden_units": [int(u) for u in hp.get("hidden_units").split("-")],
        "dnn_dropout": hp.get("dropout") or None,
        "weight_column": WEIGHT if dataset.weight else None,
        # The sum over a batch, the default of TF 1, would tie the learning rate to the batch size.
        "loss_reduction": tf.keras.losses.Reduction.SUM_OVER_BATCH_SIZE,
        "config": config,
    }
    if dataset.task == "regression":
        return tf.estimator.DNNLinearCombinedRegressor(**settings)
    return tf.estimator.DNNLinearCombinedClassifier(n_classes=max(2, head(dataset).logits), **settings)
