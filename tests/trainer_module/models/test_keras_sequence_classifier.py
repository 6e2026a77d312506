"""The text classifier ignores padding."""

import dataclasses

import numpy as np
import tensorflow as tf

from data import BinaryLabel, Dataset, Text
from trainer_module.estimators import hyperparameters
from trainer_module.models import keras_sequence_classifier

MODEL = "keras_sequence_classifier"
WORDS = Text("words", length=5, size=20)
SHORT = Dataset("t", (WORDS,), BinaryLabel("likes"), sample="t.csv")
LONG = dataclasses.replace(SHORT, features=(dataclasses.replace(WORDS, length=12),))
IDS = np.array([[3, 4, 5, 0, 0], [7, 0, 0, 0, 0], [1, 2, 3, 4, 5], [0, 0, 0, 0, 0]])


def test_padding_changes_no_prediction():
    hp = hyperparameters.resolve(MODEL)
    short, long = (keras_sequence_classifier.keras_model(d, hp) for d in (SHORT, LONG))
    long.set_weights(short.get_weights())
    padded = np.pad(IDS, [(0, 0), (0, 7)])
    np.testing.assert_allclose(short.predict(IDS, verbose=0), long.predict(padded, verbose=0), rtol=1e-5)
    # The ids themselves change the prediction.
    assert len(np.unique(short.predict(IDS, verbose=0).round(6))) == len(IDS)


def test_the_model_has_the_layers_of_the_prototype():
    model = keras_sequence_classifier.keras_model(SHORT, hyperparameters.resolve(MODEL))
    assert isinstance(model, tf.keras.Sequential)
    assert [type(layer).__name__ for layer in model.layers] == ["Embedding", "SpatialDropout1D", "LSTM", "Dropout", "Dense"]
    assert model.input_names == ["words_input"]
    assert model.output_names == ["logistic"]
    assert model.loss is not None
    assert model.optimizer is not None
