"""Fixtures for all tests: the toy package, and output folders of real runs up to Transform. Also the order of the tests."""

import fcntl
import os
import sys
from pathlib import Path

import pytest

from pipeline import node_ids
from tests.support import cli, samples, toys
from trainer_module import garbage

garbage.collect_seldom()  # as in the programs of the project

# TensorFlow's C++ log messages would hide the failure in the output of a failing test.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

ROOT = Path(__file__).parents[1]

# Files and folders that take minutes start first, the longest of all first, so that the workers of pytest-xdist end together: a
# worker runs whole files. `pytest --junitxml` says how long a file takes.
LONGEST_FIRST = (
    "tests/contracts",
    "tests/docs/test_commands.py",
    "tests/trainer_module/cluster/test_clusters.py",
    "tests/orchestrators/airflow/test_scheduler.py",
    "tests/trainer_module/training/test_resume.py",
    "tests/orchestrators",
    "tests/e2e",
    "tests/trainer_module/training",
    "tests/trainer_module/tuning",
    "tests/trainer_module",
)


def pytest_collection_modifyitems(items):
    """Sorts the tests by LONGEST_FIRST. Tests of one folder keep their order."""

    def rank(item):
        path = item.path.relative_to(ROOT)
        return next((i for i, start in enumerate(LONGEST_FIRST) if path.is_relative_to(start)), len(LONGEST_FIRST))

    items.sort(key=rank)


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    """A folder outside the tree with a user's package `toy`: datasets and models. It is on this process's import path."""
    folder = toys.copy_to(tmp_path_factory.mktemp("toy"))
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


@pytest.fixture(scope="session")
def materialised(tmp_path_factory, toy):
    """Returns a function: dataset name -> output folder of a run up to Transform on 1,500 rows.

    All workers of pytest-xdist share these folders: the first worker that needs one makes the run, the others wait for it.
    """
    temporary = tmp_path_factory.getbasetemp()
    shared = (temporary.parent if "PYTEST_XDIST_WORKER" in os.environ else temporary) / "materialised"

    def run(dataset):
        folder = shared / dataset
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / "done").exists():
                data = samples.first_rows(dataset, folder / "data.csv", rows=1500)
                result = cli.run(folder / "out", "--dataset", dataset, "--data", data, "--to", node_ids.TRANSFORM, path=toy)
                assert result.code == 0, result.err
                (folder / "done").touch()
        return folder / "out"

    return run
