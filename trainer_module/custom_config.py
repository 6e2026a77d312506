"""The settings that the DAG gives to Tuner and Trainer. TFX stores them as JSON, in the property `custom_config`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from trainer_module.training.settings import TrainSettings
from trainer_module.tuning.settings import TuneSettings


class TrainingConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings that Tuner and Trainer share.

    Attributes:
        dataset: name of the dataset.
        model: name of the model.
        hyperparameters: the values that the user has set. They override those of a search.
        settings: the settings of the training.
        code: hash of all code that the node runs, so that TFX does not use a cached result after an edit. No code reads it.
    """

    dataset: str
    model: str
    hyperparameters: dict[str, Any]
    settings: TrainSettings
    code: str


class TrainerConfig(TrainingConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of the Trainer; `checkpoints` is the folder of all trainings."""

    checkpoints: str


class TunerConfig(TrainingConfig, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of the Tuner; `tuning` are those of the search, `searches` is the folder of all searches."""

    tuning: TuneSettings
    searches: str


_Config = TypeVar("_Config", TrainerConfig, TunerConfig)


def encode(config: TrainingConfig) -> dict[str, Any]:
    """Returns the settings as the dictionary that TFX takes."""
    encoded: dict[str, Any] = msgspec.to_builtins(config)
    return encoded


def decode(custom_config: Mapping[str, Any], kind: type[_Config]) -> _Config:
    """Returns the settings of a node from its `custom_config`.

    Args:
        custom_config: as TFX gives it to `run_fn` or `tuner_fn`.
        kind: TrainerConfig or TunerConfig.

    Raises:
        msgspec.ValidationError: a setting is missing, unknown, or has the wrong type.
    """
    return msgspec.convert(custom_config, kind)
