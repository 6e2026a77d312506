"""Models and examples for searches."""

import json
import sys
from pathlib import Path

import pytest

from tests.support import trained
from tests.trainer_module.tuning import searches
from trainer_module.tuning import runner


@pytest.fixture(scope="session", autouse=True)
def models(tmp_path_factory, toy):
    """The package `tuned`, which can be imported here and in every process of a trial."""
    folder = tmp_path_factory.mktemp("models")
    searches.write_models(folder)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture(scope="session")
def examples(materialised):
    """Real examples of fruit: (train files, eval files, Transform graph)."""
    output = materialised("toy.fruit")
    transformed = Path(trained.artifact(output, "Transform", "transformed_examples"))
    graph = trained.artifact(output, "Transform", "transform_graph")
    return [str(transformed / "Split-train" / "*")], [str(transformed / "Split-eval" / "*")], graph


@pytest.fixture(autouse=True)
def _hasty(monkeypatch):
    """Stubs end at once: what waits for them looks more often."""
    monkeypatch.setattr(runner, "_LOOK_EVERY_SECONDS", 0.03)


@pytest.fixture
def fates(monkeypatch):
    """Returns a function that says what happens to stubs: trial -> fate, and seconds an evaluation."""

    def decide(fates=None, pace=0.0):
        monkeypatch.setenv("STUB_FATES", json.dumps({str(k): v for k, v in (fates or {}).items()}))
        monkeypatch.setenv("STUB_PACE", str(pace))

    return decide
