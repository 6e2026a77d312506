"""The space of a search: the search space of a model file, in which the hyper-parameters of the user are constant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import keras_tuner as kt
from keras_tuner.engine import hyperparameters as hp_module

from data import discovery
from trainer_module.estimators import hyperparameters
from trainer_module.models import NAME as MODELS

# KerasTuner stores its own values among those of a trial: tuner/epochs, tuner/trial_id, ...
PREFIX = "tuner/"


class NothingToSearchError(ValueError):
    """A search space in which all hyper-parameters are fixed."""


def searched(model: str, fixed: Mapping[str, Any]) -> kt.HyperParameters:
    """Returns the search space of a model in which the `fixed` values are constant.

    Raises:
        trainer_module.estimators.hyperparameters.HyperParameterError: the model does not have a fixed hyper-parameter.
        NothingToSearchError: all hyper-parameters are fixed, or the model has no hyper-parameter.
    """
    values = hyperparameters.resolve(model, fixed).values  # of the right types
    declared = kt.HyperParameters()
    discovery.load(MODELS, model).search_space(declared)
    space = kt.HyperParameters()
    space.merge(
        [hp_module.Fixed(p.name, values[p.name], conditions=p.conditions) if p.name in fixed else p for p in declared.space]
    )
    if all(isinstance(p, hp_module.Fixed) for p in space.space):
        raise NothingToSearchError(
            f"Nothing is left to search: model '{model}' has {_names(values)}, and [hyperparameters] fixes {_names(fixed)}. "
            "Leave one out there, or run without --tune."
        )
    return space


def model_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the values of a trial without KerasTuner's own ones."""
    return {name: value for name, value in values.items() if not name.startswith(PREFIX)}


def clip_to_space(space: kt.HyperParameters, values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns values, with those outside their range replaced by the nearest end of the range.

    KerasTuner's sampling can leave the range: the upper end of Int("units", 2, 32, sampling="log") comes out as 33, that of
    Float("rate", 1e-4, 3e-2, sampling="log") as 0.030000000000000002. Bayesian optimisation often tries the ends.
    """
    ends = {p.name: (p.min_value, p.max_value) for p in space.space if hasattr(p, "min_value")}
    return {n: min(max(v, ends[n][0]), ends[n][1]) if n in ends else v for n, v in values.items()}


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
