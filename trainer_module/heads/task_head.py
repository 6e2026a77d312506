"""The head of a task: how many logits a model has, its predictions, its loss.

A model may have another head. It must only put its prediction under the key that `PREDICTION_KEYS` names for the task.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf

from data import Dataset, MulticlassLabel, Task

# Keys of the predictions of TensorFlow's canned Estimators.
LOGISTIC = "logistic"
PROBABILITIES = "probabilities"
PREDICTIONS = "predictions"

# Task -> the key in `predictions` of an EstimatorSpec that every model of the task must have. Its value is float32:
# - binary classification: [batch, 1], the probability of class 1;
# - multi-class classification: [batch, classes], probabilities;
# - regression [batch, 1] and forecast [batch, outputs]: numbers on the training scale, like the labels that the model gets
#   (trainer_module/heads/label_scale.py).
PREDICTION_KEYS: Mapping[Task, str] = {
    "binary_classification": LOGISTIC,
    "multiclass_classification": PROBABILITIES,
    "regression": PREDICTIONS,
    "forecast": PREDICTIONS,
}

# Name of the feature that holds the example weights [batch, 1], if the dataset declares any.
WEIGHT = "example_weight"


@dataclass(frozen=True)
class Head:
    """The head of a model for one dataset.

    Attributes:
        task: the dataset's task.
        logits: number of logits for each row.
    """

    task: Task
    logits: int

    def predictions(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the predictions of an EstimatorSpec from logits [batch, self.logits]."""
        return {"logits": logits, PREDICTION_KEYS[self.task]: tf.keras.activations.get(self.activation)(logits)}

    @property
    def activation(self) -> str:
        """The activation that turns logits into the task's prediction, by its name in Keras."""
        return {"binary_classification": "sigmoid", "multiclass_classification": "softmax"}.get(self.task, "linear")

    def loss(self, labels: tf.Tensor, logits: tf.Tensor, weights: tf.Tensor | None = None) -> tf.Tensor:
        """Returns the loss: the mean over the batch of weighted cross entropies or squared errors.

        Args:
            labels: [batch, 1], or [batch, logits] for a forecast.
            logits: [batch, logits].
            weights: [batch, 1]; None means 1 for every row.
        """
        losses = self._losses(labels, logits)
        return tf.reduce_mean(losses if weights is None else losses * weights)

    def _losses(self, labels: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
        """Returns the unweighted loss of each row, [batch, 1]."""
        if self.task == "binary_classification":
            return tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.cast(labels, tf.float32), logits=logits)
        if self.task == "multiclass_classification":
            classes = tf.squeeze(labels, axis=1)
            return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=classes, logits=logits)[:, tf.newaxis]
        return tf.reduce_mean(tf.math.squared_difference(logits, labels), axis=1, keepdims=True)

    @property
    def keras_loss(self) -> tf.keras.losses.Loss:
        """The loss of a Keras model whose last layer has `activation` and the name `PREDICTION_KEYS[task]`."""
        if self.task == "binary_classification":
            return tf.keras.losses.BinaryCrossentropy()
        if self.task == "multiclass_classification":
            return tf.keras.losses.SparseCategoricalCrossentropy()
        return tf.keras.losses.MeanSquaredError()


def head(dataset: Dataset) -> Head:
    """Returns the head for a dataset."""
    label = dataset.label
    return Head(dataset.task, len(label.classes) if isinstance(label, MulticlassLabel) else label.width)
