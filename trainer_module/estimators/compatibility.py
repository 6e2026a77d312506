"""Checks, before any work is done, whether a model can be trained on a dataset."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from data import Dataset, Tabular, discovery
from trainer_module.estimators import hyperparameters, keras_conversion
from trainer_module.models import NAME as MODELS


class UnfitModelError(ValueError):
    """A model that cannot be trained on a dataset. The message says why, and which models can."""


def check(dataset: Dataset, model: str, overrides: Mapping[str, Any] | None = None) -> None:
    """Checks a model against its dataset.

    Args:
        dataset: the dataset to train on.
        model: name of the model.
        overrides: hyper-parameters that the user sets.

    Raises:
        UnfitModelError: the model supports another task, or other kinds of features.
        trainer_module.estimators.hyperparameters.HyperParameterError: see `hyperparameters.resolve`.
        trainer_module.estimators.keras_conversion.KerasModelError: a Keras model that cannot be converted.
    """
    reason = why_unfit(dataset, model)
    if reason:
        fitting = [name for name in discovery.names(MODELS) if not why_unfit(dataset, name)]
        raise UnfitModelError(f"{reason} Models that fit: {', '.join(fitting) or 'none yet'}.")
    hp = hyperparameters.resolve(model, overrides)
    module = discovery.load(MODELS, model)
    if not hasattr(module, "build"):
        keras_conversion.check(module.keras_model(dataset, hp), dataset)
        tf.keras.backend.clear_session()


def why_unfit(dataset: Dataset, model: str) -> str | None:
    """Returns why a model cannot be trained on a dataset, judged by `TASKS` and `FEATURES` in its file; None if it can."""
    module = discovery.load(MODELS, model)
    tasks = getattr(module, "TASKS", None)
    if tasks and dataset.task not in tasks:
        return f"Dataset '{dataset.name}' is a {dataset.task}; model '{model}' is for {', '.join(tasks)}."
    kinds = getattr(module, "FEATURES", typing.get_args(Tabular))
    unknown = [f for f in dataset.features if not isinstance(f, kinds)]
    if unknown:
        return (
            f"Dataset '{dataset.name}' has a {type(unknown[0]).__name__}, '{unknown[0].name}'; "
            f"model '{model}' reads {', '.join(k.__name__ for k in kinds)}."
        )
    return None
