"""What a task asks of the end of a model: how many logits, which predictions, which loss.

A model need not use this: what counts is that `predictions` of its EstimatorSpec has the key that `PREDICTED` names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf

from data import Dataset, MulticlassLabel, Task

# The keys of canned heads.
LOGISTIC = "logistic"
PROBABILITIES = "probabilities"
PREDICTIONS = "predictions"

# What every model of a task predicts, by the key in `predictions`: float32
# [batch, 1] probability of the positive class; [batch, classes] probabilities; [batch, 1] or [batch, outputs] numbers on the
# standardised scale that the labels of the input function have been put on (trainer_module/heads/label_scale.py).
PREDICTED: Mapping[Task, str] = {
    "binary_classification": LOGISTIC,
    "multiclass_classification": PROBABILITIES,
    "regression": PREDICTIONS,
    "forecast": PREDICTIONS,
}

# Name of the example weights [batch, 1] among the features, if the dataset declares any.
WEIGHT = "example_weight"


@dataclass(frozen=True)
class Head:
    """The end of a model for one dataset.

    Attributes:
        task: of the dataset.
        logits: number of values that the model computes a row.
    """

    task: Task
    logits: int

    def predictions(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the predictions of an EstimatorSpec from logits [batch, self.logits]."""
        return {"logits": logits, PREDICTED[self.task]: tf.keras.activations.get(self.activation)(logits)}

    @property
    def activation(self) -> str:
        """What turns logits into what the task predicts, by Keras' name."""
        return {"binary_classification": "sigmoid", "multiclass_classification": "softmax"}.get(self.task, "linear")

    def loss(self, labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
        """Returns the mean over the batch of the weighted losses: cross entropy, or the squared error.

        Args:
            labels: [batch, 1], or [batch, logits] for a forecast.
            logits: [batch, logits].
            weights: [batch, 1]; None is 1.
        """
        losses = self._losses(labels, logits)
        return tf.reduce_mean(losses if weights is None else losses * weights)

    def _losses(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Returns the losses, [batch, 1]."""
        if self.task == "binary_classification":
            return tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.cast(labels, tf.float32), logits=logits)
        if self.task == "multiclass_classification":
            classes = tf.squeeze(labels, axis=1)
            return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=classes, logits=logits)[:, tf.newaxis]
        return tf.reduce_mean(tf.math.squared_difference(logits, labels), axis=1, keepdims=True)

    @property
    def keras_loss(self) -> tf.keras.losses.Loss:
        """The loss of a Keras model whose last layer is `activation`, named `PREDICTED[task]`."""
        if self.task == "binary_classification":
            return tf.keras.losses.BinaryCrossentropy()
        if self.task == "multiclass_classification":
            return tf.keras.losses.SparseCategoricalCrossentropy()
        return tf.keras.losses.MeanSquaredError()


def head(dataset: Dataset) -> Head:
    """Returns the head that a dataset asks for."""
    label = dataset.label
    return Head(dataset.task, len(label.classes) if isinstance(label, MulticlassLabel) else label.width)
