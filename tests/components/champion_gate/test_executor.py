"""The gate compares the identities of exported models and publishes its decision."""

import json
from pathlib import Path

import pytest
from tfx.types import standard_artifacts
from tfx.utils import path_utils

from components import gate
from components.champion_gate.executor import Executor
from components.decision import OUTPUT_KEY
from trainer_module.serving.card import FILE as CARD_FILE


def write_card(saved_model, identity):
    file = Path(saved_model, CARD_FILE)
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"id": identity, "dataset": "fruit", "task": "binary", "label": "ripe", "columns": {}}))


@pytest.fixture
def decide(tmp_path):
    """Returns a function: identities of candidate, champion and served model -> the published artifact."""

    def model(name, identity):
        artifact = standard_artifacts.Model()
        artifact.uri = str(tmp_path / name)
        write_card(path_utils.serving_model_path(artifact.uri), identity)
        return artifact

    def run(candidate, champion=None, served=None):
        inputs = {"model": [model("model", candidate)], "champion": [model("champion", champion)] if champion else []}
        if served:
            write_card(tmp_path / "serving" / "7", served)
        decision = gate.GateDecision()
        decision.uri = str(tmp_path / OUTPUT_KEY)
        Path(decision.uri).mkdir()
        Executor().Do(inputs, {OUTPUT_KEY: [decision]}, {"serving": str(tmp_path / "serving")})
        return decision

    return run


def test_the_first_model_passes(decide):
    published = decide("a")
    assert published.get_int_custom_property(gate.PASSED) == 1
    assert gate.read(published.uri).why == "There is no blessed model yet: this is the first candidate."


def test_a_model_that_is_not_the_champion_passes(decide):
    assert gate.read(decide("b", champion="a", served="a").uri).why == "The model differs from the latest blessed one."


def test_the_model_that_is_already_served_stops_the_run(decide, tmp_path):
    published = decide("a", champion="b", served="a")
    assert published.get_int_custom_property(gate.PASSED) == 0
    decision = gate.read(published.uri)
    assert decision.decision == "unchanged"
    assert str(tmp_path / "serving" / "7") in decision.why
