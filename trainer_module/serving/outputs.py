"""The outputs of the served model: predictions in the label's units, under the names of `trainer_module.serving.signatures`."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from data import Dataset, MulticlassLabel
from trainer_module.heads import PREDICTION_KEYS, PREDICTIONS, WEIGHT, label_scale
from trainer_module.serving.signatures import (
    LABEL,
    PREDICTION,
    PROBABILITIES,
    PROBABILITY,
    SERVING_DEFAULT,
    TRANSFORM_LABELS,
)

est = tf.estimator.export

Tensors = dict[str, tf.Tensor]


class MissingPredictionError(ValueError):
    """A model lacks the prediction of its task, so it can be neither evaluated nor served."""


def task_prediction(dataset: Dataset, predictions: Tensors | tf.Tensor) -> tf.Tensor:
    """Returns the prediction of the dataset's task, one of the predictions of an EstimatorSpec.

    Raises:
        MissingPredictionError: the predictions do not have its key.
    """
    key = PREDICTION_KEYS[dataset.task]
    by_name = predictions if isinstance(predictions, Mapping) else {}  # an EstimatorSpec accepts a single tensor, too
    if key not in by_name:
        raise MissingPredictionError(
            f"A {dataset.task} is evaluated and served by predictions['{key}'] (see trainer_module/heads). "
            f"This model predicts: {', '.join(sorted(by_name)) or 'nothing by name'}. In Keras, name the last layer '{key}'."
        )
    return by_name[key]


def in_label_units(spec: tf.estimator.EstimatorSpec, dataset: Dataset, features: Tensors) -> tf.estimator.EstimatorSpec:
    """Converts predictions from the training scale to the label's units, in `predictions` and in every export output.

    Raises:
        MissingPredictionError: see `task_prediction`.
    """
    if not label_scale.is_scaled(dataset.label):
        return spec
    task_prediction(dataset, spec.predictions)

    def unscaled(values: tf.Tensor) -> tf.Tensor:
        # An output of [batch] would be broadcast with the scale [batch, 1] to [batch, batch].
        is_flat = values.shape.rank == 1
        rows = label_scale.from_training_scale(dataset.label, values[:, tf.newaxis] if is_flat else values, features)
        return rows[:, 0] if is_flat else rows

    def unscaled_predictions(tensors: Tensors) -> Tensors:
        return {name: unscaled(x) if name == PREDICTIONS else x for name, x in tensors.items()}

    export_outputs = {}
    for name, output in (spec.export_outputs or {}).items():
        if isinstance(output, est.RegressionOutput):
            output = est.RegressionOutput(unscaled(output.value))
        elif isinstance(output, est.PredictOutput):
            output = est.PredictOutput(unscaled_predictions(output.outputs))
        export_outputs[name] = output
    return spec._replace(predictions=unscaled_predictions(spec.predictions), export_outputs=export_outputs or None)


def export_outputs(
    spec: tf.estimator.EstimatorSpec, dataset: Dataset, label: tf.Tensor, weights: tf.Tensor | None
) -> dict[str, tf.estimator.export.ExportOutput]:
    """Returns signature -> outputs of the served model: the signatures that all models have, and the model's own ones.

    Args:
        spec: the EstimatorSpec of mode PREDICT, with predictions in the label's units.
        dataset: decides the outputs.
        label: transformed label [batch, n].
        weights: example weights [batch, 1]; None if the dataset has none.

    Raises:
        MissingPredictionError: see `task_prediction`.
    """
    label_and_weights = {dataset.label.name: label} | ({WEIGHT: weights} if weights is not None else {})
    outputs = {
        **(spec.export_outputs or {}),
        SERVING_DEFAULT: est.PredictOutput(_task_outputs(dataset, task_prediction(dataset, spec.predictions))),
        TRANSFORM_LABELS: est.PredictOutput(label_and_weights),
    }
    return {name: _without_padding(output) for name, output in outputs.items()}


def _task_outputs(dataset: Dataset, prediction: tf.Tensor) -> Tensors:
    if dataset.task == "binary_classification":
        probability = tf.squeeze(prediction, axis=1)
        return {PROBABILITY: probability, LABEL: tf.cast(probability > 0.5, tf.int64)}
    if isinstance(dataset.label, MulticlassLabel):
        classes = tf.constant(dataset.label.classes, tf.as_dtype(dataset.label.dtype))
        return {PROBABILITIES: prediction, LABEL: tf.gather(classes, tf.argmax(prediction, axis=1))}
    return {PREDICTION: prediction if dataset.task == "forecast" else tf.squeeze(prediction, axis=1)}


def _without_padding(output: tf.estimator.export.ExportOutput) -> tf.estimator.export.ExportOutput:
    """Removes the last row, which is the padding row of `receiver.serving_input_receiver_fn`."""
    if isinstance(output, est.RegressionOutput):
        return est.RegressionOutput(output.value[:-1])
    if isinstance(output, est.ClassificationOutput):
        scores, classes = (None if x is None else x[:-1] for x in (output.scores, output.classes))
        return est.ClassificationOutput(scores, classes)
    return est.PredictOutput({name: tensor[:-1] for name, tensor in output.outputs.items()})
