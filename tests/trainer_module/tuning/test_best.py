"""How the best values of a search reach the training."""

import json

import keras_tuner as kt
import pytest

from trainer_module.tuning import best


@pytest.fixture
def config():
    """The configuration that TFX passes from the Tuner to the Trainer through a JSON file."""
    hp = kt.HyperParameters()
    hp.Float("x", 0.0, 1.0)
    hp.Int("units", 2, 32)
    hp.values = {"x": 0.25, "units": 4, "kind": "b", "tuner/epochs": 10, "tuner/trial_id": "0"}
    return json.loads(json.dumps(best.tag_with_origin(hp, "toy.fruit", "toy.peak", "/there").get_config()))


def test_only_the_values_of_the_model_itself_are_used(config):
    assert best.values(config, "toy.fruit", "toy.peak") == {"x": 0.25, "units": 4, "kind": "b"}
    assert best.search_folder(config) == "/there"


def test_without_a_search_there_are_no_values():
    assert best.values(None, "toy.fruit", "toy.peak") == {}


@pytest.mark.parametrize(("dataset", "model"), [("toy.species", "toy.peak"), ("toy.fruit", "toy.fateful")])
def test_values_for_another_dataset_or_model_are_not_used(config, dataset, model, caplog):
    assert best.values(config, dataset, model) == {}
    assert "model 'toy.peak' on dataset 'toy.fruit'" in caplog.text


def test_a_value_that_no_longer_fits_the_model_is_left_out_with_a_warning(config, caplog):
    config["values"] |= {"depth": 3, "x": 1.5}
    assert best.values(config, "toy.fruit", "toy.peak") == {"units": 4, "kind": "b"}
    assert "has no hyper-parameter 'depth'" in caplog.text
    assert "takes values from 0.0 to 1.0. Received: 1.5" in caplog.text


def test_tagging_does_not_change_the_values_of_the_trial():
    hp = kt.HyperParameters()
    best.tag_with_origin(hp, "d", "m", "f")
    assert hp.values == {}


def test_a_configuration_without_tags_is_used_unchanged():
    assert best.values({"space": [], "values": {"x": 0.5}}, "toy.fruit", "toy.peak") == {"x": 0.5}
