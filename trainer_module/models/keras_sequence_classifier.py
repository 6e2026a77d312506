"""A text classifier: Embedding, LSTM, Dropout and Dense as a tf.keras Sequential, converted by `model_to_estimator`."""

from __future__ import annotations

import keras_tuner as kt
import tensorflow as tf

from data import Dataset, Text
from trainer_module.heads import PREDICTION_KEYS, head

layers = tf.keras.layers

TASKS = ("binary_classification", "multiclass_classification")
FEATURES = (Text,)


def search_space(hp: kt.HyperParameters) -> None:
    """Declares the hyper-parameters with their defaults."""
    hp.Int("embedding_dim", 4, 512, sampling="log", default=256)
    # Drops coordinates of the embedding, the same ones for all words of a text. On a few thousand short texts it makes the
    # difference: without it, a training on real reviews is best after two passes, and no better than a bag of words. A wide
    # embedding needs a high rate (benchmarks/README.md).
    hp.Float("embedding_dropout", 0.0, 0.95, default=0.9)
    hp.Int("units", 4, 256, sampling="log", default=32)
    hp.Float("dropout", 0.0, 0.8, default=0.3)
    hp.Float("learning_rate", 1e-4, 3e-2, sampling="log", default=3e-3)


def keras_model(dataset: Dataset, hp: kt.HyperParameters) -> tf.keras.Model:
    """Returns the compiled model. Its first layer has the name of the text feature: Keras calls the input `<name>_input`."""
    [text] = dataset.texts
    task = head(dataset)
    model = tf.keras.Sequential(
        [
            # The id 0 is padding. The mask keeps it from changing a prediction.
            layers.Embedding(
                text.cardinality, hp.get("embedding_dim"), mask_zero=True, input_length=text.length, name=text.name
            ),
            # Not the LSTM's own `dropout=`: two trainings with the same seed would drop differently.
            layers.SpatialDropout1D(hp.get("embedding_dropout")),
            layers.LSTM(hp.get("units")),
            layers.Dropout(hp.get("dropout")),
            layers.Dense(task.logits, activation=task.activation, name=PREDICTION_KEYS[dataset.task]),
        ]
    )
    model.compile(
        loss=task.keras_loss, optimizer=tf.keras.optimizers.legacy.Adam(hp.get("learning_rate")), metrics=["accuracy"]
    )
    return model
