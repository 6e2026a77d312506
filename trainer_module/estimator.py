"""From the name of a model file to an Estimator that is ready to train and to export."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras_tuner as kt
import tensorflow as tf

from data import discovery
from data.features import Dataset
from trainer_module import export
from trainer_module.models import NAME as MODELS


class HyperParameterError(ValueError):
    """A hyper-parameter that the model does not have, or a value that its search space does not contain."""


def hyperparameters(model: str, overrides: Mapping[str, Any] | None = None) -> kt.HyperParameters:
    """Returns a model's search space, at its defaults but for `overrides`.

    Raises:
        HyperParameterError: a name that the search space does not declare, or a value of another type.
    """
    hp = kt.HyperParameters()
    discovery.load(MODELS, model).search_space(hp)
    space = {p.name: p for p in hp.space}
    for name, value in (overrides or {}).items():
        if name not in space:
            raise HyperParameterError(f"Model '{model}' has no hyper-parameter '{name}'. It has: {', '.join(sorted(space))}.")
        hp.values[name] = _checked(space[name], value, model)
    return hp


def _checked(declared: Any, value: Any, model: str) -> Any:
    """Returns a value as the hyper-parameter's own type. Raises HyperParameterError if the space does not contain it."""
    kind = type(declared.default)
    what = f"Hyper-parameter '{declared.name}' of model '{model}' takes"
    try:
        typed = kind(value)
        exact = isinstance(value, str) or kind is str or typed == value
    except (TypeError, ValueError):
        exact = False
    if not exact:
        raise HyperParameterError(f"{what} a value like {declared.default!r}. Received: {value!r}.")
    if isinstance(declared, kt.engine.hyperparameters.Choice):
        if typed not in declared.values:
            raise HyperParameterError(f"{what} one of {', '.join(map(repr, declared.values))}. Received: {value!r}.")
    elif hasattr(declared, "min_value") and not declared.min_value <= typed <= declared.max_value:
        raise HyperParameterError(f"{what} values from {declared.min_value} to {declared.max_value}. Received: {value!r}.")
    return typed


def build(dataset: Dataset, model: str, hp: kt.HyperParameters, config: tf.estimator.RunConfig) -> tf.estimator.Estimator:
    """Returns the Estimator of a model file, wrapped so that it exports the signatures that every model has.

    The process's seeds are set first: `RunConfig.tf_random_seed` does not reach the initialisers of Keras layers.
    """
    if config.tf_random_seed is not None:
        tf.keras.utils.set_random_seed(config.tf_random_seed)
    # Keras numbers unnamed layers through the whole process: a second Estimator's checkpoint would have other names in it.
    tf.keras.backend.reset_uids()
    return export.with_signatures(discovery.load(MODELS, model).build(dataset, hp, config), dataset)
