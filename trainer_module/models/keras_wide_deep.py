"""Wide and deep (Cheng et al. 2016, arXiv:1606.07792) as a tf.keras functional model, converted by `model_to_estimator`."""

from __future__ import annotations

import keras_tuner as kt
import tensorflow as tf

from data import Dataset
from trainer_module.heads import PREDICTION_KEYS, head

layers = tf.keras.layers

TASKS = ("binary_classification", "multiclass_classification", "regression")


def search_space(hp: kt.HyperParameters) -> None:
    """Declares the hyper-parameters with their defaults."""
    hp.Float("learning_rate", 1e-4, 3e-2, sampling="log", default=3e-3)
    hp.Int("embedding_dim", 2, 32, sampling="log", default=8)
    hp.Choice("hidden_units", ["32", "64-32", "128-64", "128-64-32"], default="64-32")
    hp.Float("dropout", 0.0, 0.5, default=0.2)


def keras_model(dataset: Dataset, hp: kt.HyperParameters) -> tf.keras.Model:
    """Returns the compiled model. The input layer NAME takes the transformed feature NAME, [batch, 1]."""
    numbers = [tf.keras.Input([1], name=f.name) for f in dataset.numeric]
    ids = [tf.keras.Input([1], name=f.name, dtype=tf.int64) for f in dataset.categorical]
    task = head(dataset)
    flat = layers.Flatten()
    wide, embedded = [], []
    for feature, x in zip(dataset.categorical, ids, strict=False):
        wide.append(flat(layers.Embedding(feature.cardinality, task.logits, "zeros", name=f"wide_{feature.name}")(x)))
        embedded.append(
            flat(layers.Embedding(feature.cardinality, hp.get("embedding_dim"), name=f"embedding_{feature.name}")(x))
        )
    deep = layers.Concatenate()([*numbers, *embedded]) if len(numbers + embedded) > 1 else (numbers + embedded)[0]
    for units in hp.get("hidden_units").split("-"):
        deep = layers.Dropout(hp.get("dropout"))(layers.Dense(int(units), "relu")(deep))
    deep = layers.Dense(task.logits)(deep)
    logits = layers.Add()([*wide, deep]) if wide else deep
    model = tf.keras.Model(numbers + ids, layers.Activation(task.activation, name=PREDICTION_KEYS[dataset.task])(logits))
    model.compile(optimizer=tf.keras.optimizers.legacy.Adam(hp.get("learning_rate")), loss=task.keras_loss)
    return model
