"""Models and examples for searches."""

import json
from pathlib import Path

import pytest

from pipeline import node_ids
from tests.support import training
from trainer_module.tuning import runner


@pytest.fixture(scope="session", autouse=True)
def _models(toy):
    """The models `toy.peak` and `toy.fateful` can be imported here and in every process of a trial."""


@pytest.fixture(scope="session")
def examples(materialised):
    """Real examples of fruit: (train files, eval files, Transform graph)."""
    output = materialised("toy.fruit")
    transformed = Path(training.artifact(output, *node_ids.TRANSFORMED_EXAMPLES))
    graph = training.artifact(output, *node_ids.TRANSFORM_GRAPH)
    return [str(transformed / "Split-train" / "*")], [str(transformed / "Split-eval" / "*")], graph


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    """Stubs end at once: what waits for them looks more often."""
    monkeypatch.setattr(runner, "_CHECK_EVERY_SECONDS", 0.03)


@pytest.fixture
def fates(monkeypatch):
    """Returns a function that says what happens to stubs: trial -> fate, and seconds an evaluation."""

    def decide(fates=None, pace=0.0):
        monkeypatch.setenv("STUB_FATES", json.dumps({str(k): v for k, v in (fates or {}).items()}))
        monkeypatch.setenv("STUB_PACE", str(pace))

    return decide
