"""TFX stores the settings of Tuner and Trainer as JSON and gives them back."""

import json

import msgspec
import pytest

from data import metric_names
from tests.support.settings import train_settings
from trainer_module import custom_config
from trainer_module.custom_config import TrainerConfig, TunerConfig
from trainer_module.tuning.settings import TuneSettings

SHARED = {
    "dataset": "taxi",
    "model": "custom_wide_deep",
    "hyperparameters": {"dropout": 0.5, "units": "64,32"},
    "settings": train_settings(20, best=metric_names.AUC),
    "code": "1a2b",
}
TRAINER = TrainerConfig(**SHARED, checkpoints="checkpoints")
TUNER = TunerConfig(**SHARED, tuning=TuneSettings(trials=3), searches="searches")


@pytest.mark.parametrize("config", [TRAINER, TUNER], ids=["trainer", "tuner"])
def test_the_settings_survive_json(config):
    assert custom_config.decode(json.loads(json.dumps(custom_config.encode(config))), type(config)) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"folder": "x"}, "unknown field `folder`"),
        ({"settings": {"steps": 20, "setps": 30}}, r"`setps` - at `\$\.settings`"),
        ({"dataset": 7}, r"Expected `str`, got `int` - at `\$\.dataset`"),
    ],
)
def test_an_unknown_or_wrong_setting_is_refused(change, message):
    with pytest.raises(msgspec.ValidationError, match=message):
        custom_config.decode(custom_config.encode(TRAINER) | change, TrainerConfig)


@pytest.mark.parametrize("missing", [*SHARED, "checkpoints"])
def test_a_missing_setting_is_refused(missing):
    incomplete = {key: value for key, value in custom_config.encode(TRAINER).items() if key != missing}
    with pytest.raises(msgspec.ValidationError, match=f"missing required field `{missing}`"):
        custom_config.decode(incomplete, TrainerConfig)
