"""Fixtures for searches: models, examples, fates of stub trials."""

import json
from pathlib import Path

import pytest

from pipeline import node_ids
from tests.support import training
from trainer_module.tuning import runner


@pytest.fixture(scope="session", autouse=True)
def _models(toy):
    """Lets this process and every trial process import the models `toy.peak` and `toy.fateful`."""


@pytest.fixture(scope="session")
def examples(materialised):
    """Materialised examples of the toy dataset `fruit`: (train files, eval files, Transform graph)."""
    output = materialised("toy.fruit")
    transformed = Path(training.artifact(output, *node_ids.TRANSFORMED_EXAMPLES))
    graph = training.artifact(output, *node_ids.TRANSFORM_GRAPH)
    return [str(transformed / "Split-train" / "*")], [str(transformed / "Split-eval" / "*")], graph


@pytest.fixture(autouse=True)
def _short_check_interval(monkeypatch):
    """Lets the runner check its trials more often, because stubs end at once."""
    monkeypatch.setattr(runner, "CHECK_EVERY_SECONDS", 0.03)


@pytest.fixture
def fates(monkeypatch):
    """Returns a function that sets the fates of stub trials (number of the trial -> fate) and the seconds per evaluation."""

    def decide(fates=None, pace=0.0):
        monkeypatch.setenv("STUB_FATES", json.dumps({str(k): v for k, v in (fates or {}).items()}))
        monkeypatch.setenv("STUB_PACE", str(pace))

    return decide
