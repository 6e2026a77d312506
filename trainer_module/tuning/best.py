"""The way of the best hyper-parameters from the Tuner to the Trainer: TFX hands on a KerasTuner configuration."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import keras_tuner as kt

from trainer_module.estimators import hyperparameters
from trainer_module.tuning import space

_log = logging.getLogger(__name__)

# The file that TFX's Tuner leaves in its `best_hyperparameters` artifact.
FILE = "best_hyperparameters.txt"

_DATASET, _MODEL, _FOLDER = (f"{space.PREFIX}{name}" for name in ("dataset", "model", "folder"))


def tag_with_origin(found: kt.HyperParameters, dataset: str, model: str, folder: str) -> kt.HyperParameters:
    """Returns a copy that says what it is for, and in which folder it was found."""
    marked = found.copy()
    marked.values |= {_DATASET: dataset, _MODEL: model, _FOLDER: folder}
    return marked


def folder(config: Mapping[str, Any]) -> str | None:
    """Returns the folder of the search that has found a configuration."""
    return config["values"].get(_FOLDER)


def values(config: Mapping[str, Any] | None, dataset: str, model: str) -> dict[str, Any]:
    """Returns the hyper-parameters that a search has found for a model, as the model's own.

    They may be older than the model file: what it does not have any more, or not in that range, is left out, with a warning.

    Args:
        config: the Trainer's `fn_args.hyperparameters`: KerasTuner's configuration, or None if there was no search.
        dataset: that is trained on.
        model: that is trained. What was found for another dataset or model is not used.
    """
    found = dict(config["values"]) if config else {}
    origin = found.get(_DATASET, dataset), found.get(_MODEL, model)
    if origin != (dataset, model):
        _log.warning("The tuned hyper-parameters are those of model '%s' on '%s', and not used.", origin[1], origin[0])
        return {}
    return {name: value for name, value in space.model_values(found).items() if _fits(model, name, value)}


def _fits(model: str, name: str, value: Any) -> bool:
    try:
        hyperparameters.resolve(model, {name: value})
    except hyperparameters.HyperParameterError as error:
        _log.warning("A tuned hyper-parameter is not used. %s", error)
        return False
    return True
