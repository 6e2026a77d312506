"""From a Keras model to an Estimator: the link between features and inputs, the weights, and what conversion cannot carry.

`tf.keras.estimator.model_to_estimator` finds the inputs of a model by name and leaves the rest to chance: an optimizer's
weight decay is dropped without a word, a first layer without a shape fails in the middle of training. Here both are settled
before anything is trained.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from data import Dataset
from trainer_module.heads import PREDICTION_KEYS, WEIGHT, head

_SEQUENTIAL_SUFFIX = "_input"  # what Keras adds to a Sequential's first layer to name the input


class KerasModelError(ValueError):
    """A Keras model that cannot become an Estimator of the dataset: what is wrong, and the way out."""


def to_estimator(model: tf.keras.Model, dataset: Dataset, config: tf.estimator.RunConfig) -> tf.estimator.Estimator:
    """Converts a compiled Keras model.

    Example weights of the dataset weigh the loss.

    Args:
        model: its inputs are linked to features by `links`, its last layer is named by `heads.PREDICTION_KEYS`.
        dataset: that it is trained on.
        config: of the Estimator.

    Raises:
        KerasModelError: see `check`.
    """
    inputs = check(model, dataset)
    # Checkpoints by variable name ("saver"), which `warm_start_from` can read.
    converted = tf.keras.estimator.model_to_estimator(keras_model=model, config=config, checkpoint_format="saver")

    def model_fn(
        features: dict[str, tf.Tensor], labels: tf.Tensor | None, mode: str, config: object
    ) -> tf.estimator.EstimatorSpec:
        fed = {name: features[feature] for name, feature in inputs.items()}
        if labels is not None and WEIGHT in features:
            # The form in which model_to_estimator takes weights.
            fed = {"features": fed, "sample_weights": tf.squeeze(features[WEIGHT], axis=1)}
        return converted.model_fn(fed, labels, mode, config)

    # The settings are private there, but they are how a Keras model hands over the weights it already has.
    return tf.estimator.Estimator(model_fn, config=converted.config, warm_start_from=converted._warm_start_settings)


def check(model: tf.keras.Model, dataset: Dataset) -> dict[str, str]:
    """Returns the links of a model's inputs to the features of a dataset.

    Raises:
        KerasModelError: it has no fixed inputs, is not compiled, uses what conversion drops, or its inputs or outputs
            are not those of the dataset.
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
    """Returns input layer -> feature: a layer NAME, or NAME_input as a Sequential calls it, takes the feature NAME.

    Raises:
        KerasModelError: an input has no such feature.
    """
    features = [f.name for f in dataset.features]
    found = {}
    for name in model.input_names:
        feature = name if name in features else name.removesuffix(_SEQUENTIAL_SUFFIX)
        if feature not in features:
            raise KerasModelError(
                f"No feature stands behind the input '{name}' of the Keras model '{model.name}'. An input layer NAME (or "
                f"NAME{_SEQUENTIAL_SUFFIX}, as a Sequential calls it) takes the feature NAME. "
                f"The model's inputs: {', '.join(model.input_names)}. The features of dataset '{dataset.name}': "
                f"{', '.join(features)}."
            )
        found[name] = feature
    return found


def _check_optimizer(optimizer: Any) -> None:
    kind = type(optimizer).__name__
    lost = [s for s in ("weight_decay", "use_ema") if getattr(optimizer, s, None)]
    if lost or kind == "AdamW":
        raise KerasModelError(
            f"Conversion to an Estimator would drop {' and '.join(lost) or 'the decay'} of the optimizer {kind} without a "
            "word. Use tf.keras.optimizers.legacy.*, and kernel_regularizer=tf.keras.regularizers.L2(...) on the layers."
        )
    legacy = tf.keras.optimizers.legacy
    # Conversion replaces a new optimizer by the legacy one of the same name: Lion and Adafactor have none.
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
