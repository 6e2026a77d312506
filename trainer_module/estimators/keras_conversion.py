"""Converts a Keras model to an Estimator, after a check that the conversion loses nothing.

`tf.keras.estimator.model_to_estimator` silently drops the weight decay of an optimizer, and fails in the middle of a
training if the first layer has no shape. The checks here run before the training.
"""

from __future__ import annotations

import tensorflow as tf

from data import Dataset
from trainer_module.heads import PREDICTION_KEYS, WEIGHT, head

_SEQUENTIAL_SUFFIX = "_input"  # Keras adds it to the name of a Sequential's first layer, to name the input


class KerasModelError(ValueError):
    """A Keras model that cannot become an Estimator for the dataset. The message names the problem and the way out."""


def to_estimator(model: tf.keras.Model, dataset: Dataset, config: tf.estimator.RunConfig) -> tf.estimator.Estimator:
    """Converts a compiled Keras model. If the dataset has example weights, they weight the loss.

    Args:
        model: its inputs have the names of features (see `links`), its last layer the name in `heads.PREDICTION_KEYS`.
        dataset: the dataset to train on.
        config: the Estimator's folder, seed and cadence.

    Raises:
        KerasModelError: see `check`.
    """
    inputs = check(model, dataset)
    # "saver" writes checkpoints by variable name, which `warm_start_from` can read.
    converted = tf.keras.estimator.model_to_estimator(keras_model=model, config=config, checkpoint_format="saver")

    def model_fn(
        features: dict[str, tf.Tensor], labels: tf.Tensor | None, mode: str, config: object
    ) -> tf.estimator.EstimatorSpec:
        keras_inputs = {name: features[feature] for name, feature in inputs.items()}
        if labels is not None and WEIGHT in features:
            # The form in which model_to_estimator takes weights.
            keras_inputs = {"features": keras_inputs, "sample_weights": tf.squeeze(features[WEIGHT], axis=1)}
        return converted.model_fn(keras_inputs, labels, mode, config)

    # A private attribute, but the only way in which a Keras model passes on the weights that it already has.
    return tf.estimator.Estimator(model_fn, config=converted.config, warm_start_from=converted._warm_start_settings)


def check(model: tf.keras.Model, dataset: Dataset) -> dict[str, str]:
    """Checks that a Keras model can be converted. Returns input layer -> feature, as `links` does.

    Raises:
        KerasModelError: the model has no fixed inputs, is not compiled, has settings that conversion drops, or its inputs or
            outputs do not fit the dataset.
    """
    if not model.built or not getattr(model, "_is_graph_network", False):
        raise KerasModelError(
            f"The Keras model '{model.name}' does not know the shape of its input, and would fail only when it is trained. "
            "Put tf.keras.Input(shape, name=<feature>) before its first layer, or give that layer input_shape=; "
            "a subclassed model must become a functional one."
        )
    if model.optimizer is None or not model.loss:
        raise KerasModelError(f"The Keras model '{model.name}' is not compiled: call model.compile(optimizer, loss) on it.")
    _check_optimizer(model.optimizer)
    _check_output(model, dataset)
    return links(model, dataset)


def links(model: tf.keras.Model, dataset: Dataset) -> dict[str, str]:
    """Returns input layer -> feature. A layer NAME takes the feature NAME; so does NAME_input, the name in a Sequential.

    Raises:
        KerasModelError: the dataset has no feature for an input.
    """
    features = [f.name for f in dataset.features]
    feature_of = {}
    for name in model.input_names:
        feature = name if name in features else name.removesuffix(_SEQUENTIAL_SUFFIX)
        if feature not in features:
            raise KerasModelError(
                f"The dataset has no feature for the input '{name}' of the Keras model '{model.name}'. An input layer NAME (or "
                f"NAME{_SEQUENTIAL_SUFFIX}, as a Sequential calls it) takes the feature NAME. "
                f"The model's inputs: {', '.join(model.input_names)}. The features of dataset '{dataset.name}': "
                f"{', '.join(features)}."
            )
        feature_of[name] = feature
    return feature_of


def _check_optimizer(optimizer: tf.keras.optimizers.Optimizer | tf.keras.optimizers.legacy.Optimizer) -> None:
    kind = type(optimizer).__name__
    lost = [s for s in ("weight_decay", "use_ema") if getattr(optimizer, s, None)]
    if lost or kind == "AdamW":
        raise KerasModelError(
            f"Conversion to an Estimator would silently drop {' and '.join(lost) or 'the decay'} of the optimizer {kind}. "
            "Use tf.keras.optimizers.legacy.*, and kernel_regularizer=tf.keras.regularizers.L2(...) on the layers."
        )
    legacy = tf.keras.optimizers.legacy
    # Conversion replaces a new optimizer by the legacy one of the same name. Lion and Adafactor have no legacy version.
    if not isinstance(optimizer, legacy.Optimizer) and not hasattr(legacy, kind):
        raise KerasModelError(f"An Estimator cannot train with the optimizer {kind}. Use one of tf.keras.optimizers.legacy.*.")


def _check_output(model: tf.keras.Model, dataset: Dataset) -> None:
    key, width = PREDICTION_KEYS[dataset.task], head(dataset).logits
    if key not in model.output_names:
        raise KerasModelError(
            f"The last layer of a Keras model for a {dataset.task} must be named '{key}'. "
            f"The outputs of '{model.name}': {', '.join(model.output_names)}."
        )
    shape = model.outputs[model.output_names.index(key)].shape
    if shape.rank != 2 or shape[1] != width:
        raise KerasModelError(
            f"The output '{key}' of the Keras model '{model.name}' must have the shape [batch, {width}] "
            f"for dataset '{dataset.name}'. It has {shape}."
        )
