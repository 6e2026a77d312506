"""Passes the best hyper-parameters from the Tuner to the Trainer, as the KerasTuner configuration that TFX writes to a file."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import keras_tuner as kt

from trainer_module.estimators import hyperparameters
from trainer_module.tuning import space

_log = logging.getLogger(__name__)

# The file in the Tuner's artifact `best_hyperparameters`.
FILE = "best_hyperparameters.txt"

_DATASET, _MODEL, _FOLDER = (f"{space.PREFIX}{name}" for name in ("dataset", "model", "folder"))


def tag_with_origin(best: kt.HyperParameters, dataset: str, model: str, folder: str) -> kt.HyperParameters:
    """Returns a copy of hyper-parameters that also names the dataset, the model and the folder of the search."""
    tagged = best.copy()
    tagged.values |= {_DATASET: dataset, _MODEL: model, _FOLDER: folder}
    return tagged


def search_folder(config: Mapping[str, Any]) -> str | None:
    """Returns the folder of the search that has found a configuration, None if the configuration does not contain it."""
    return config["values"].get(_FOLDER)


def values(config: Mapping[str, Any] | None, dataset: str, model: str) -> dict[str, Any]:
    """Returns the hyper-parameters that a search has found for a model.

    The model file may be newer than the search. Hyper-parameters that it no longer has, and values that it no longer allows,
    are ignored with a warning.

    Args:
        config: the Trainer's `fn_args.hyperparameters`: KerasTuner's configuration, None if there was no search.
        dataset: name of the dataset to train on.
        model: name of the model to train. The result of a search for another dataset or model is not used.
    """
    tuned = dict(config["values"]) if config else {}
    origin = tuned.get(_DATASET, dataset), tuned.get(_MODEL, model)
    if origin != (dataset, model):
        _log.warning(
            "The tuned hyper-parameters belong to model '%s' on dataset '%s', so they are not used.", origin[1], origin[0]
        )
        return {}
    return {name: value for name, value in space.model_values(tuned).items() if _is_allowed(model, name, value)}


def _is_allowed(model: str, name: str, value: object) -> bool:
    try:
        hyperparameters.resolve(model, {name: value})
    except hyperparameters.HyperParameterError as error:
        _log.warning("A tuned hyper-parameter is not used. %s", error)
        return False
    return True
