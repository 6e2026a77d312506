"""Resolves the hyper-parameters of a model: the defaults of its search space, and the values that the caller sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras_tuner as kt

from data import discovery
from trainer_module.models import NAME as MODELS

_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}


class HyperParameterError(ValueError):
    """The model has no such hyper-parameter, or the value is outside its search space."""


def resolve(model: str, overrides: Mapping[str, Any] | None = None) -> kt.HyperParameters:
    """Returns the search space of a model. All values are defaults, except those in `overrides`.

    Args:
        model: name of the model.
        overrides: hyper-parameter -> value; text, as it comes from a command line, is converted.

    Raises:
        HyperParameterError: a name is not in the search space, or a value is outside its range.
    """
    hp = kt.HyperParameters()
    discovery.load(MODELS, model).search_space(hp)
    space = {p.name: p for p in hp.space}
    for name, value in (overrides or {}).items():
        if name not in space:
            raise HyperParameterError(f"Model '{model}' has no hyper-parameter '{name}'. It has: {', '.join(sorted(space))}.")
        hp.values[name] = _converted(space[name], value, model)
    return hp


def _converted(declared: kt.engine.hyperparameters.HyperParameter, value: object, model: str) -> bool | int | float | str:
    """Converts a value to the type of the default. Raises HyperParameterError if the value is outside the search space."""
    kind = type(declared.default)
    subject = f"Hyper-parameter '{declared.name}' of model '{model}' takes"
    try:
        typed = _boolean(value) if kind is bool else kind(value)
        is_exact = isinstance(value, str) or kind is str or typed == value
    except (TypeError, ValueError):
        is_exact = False
    if not is_exact:
        example = "true or false" if kind is bool else f"a value like {declared.default!r}"
        raise HyperParameterError(f"{subject} {example}. Received: {value!r}.")
    if isinstance(declared, kt.engine.hyperparameters.Choice):
        if typed not in declared.values:
            raise HyperParameterError(f"{subject} one of {', '.join(map(repr, declared.values))}. Received: {value!r}.")
    elif hasattr(declared, "min_value") and not declared.min_value <= typed <= declared.max_value:
        raise HyperParameterError(f"{subject} values from {declared.min_value} to {declared.max_value}. Received: {value!r}.")
    return typed


def _boolean(value: object) -> bool:
    """Converts true, false, 1 and 0. On a command line they are text, and bool() of any non-empty text is True."""
    text = str(value).lower()
    if text not in _BOOLEANS:
        raise ValueError(value)
    return _BOOLEANS[text]
