"""The environment equals the lock files, and every module can be imported in it."""

import importlib
import importlib.metadata
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import cli

ROOT = Path(__file__).parents[1]
PACKAGES = ("data", "trainer_module", "components", "pipeline")


def locked(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^ ]+) ", (ROOT / name).read_text(), re.M))


def test_both_locks_have_the_same_versions():
    run, dev = locked("requirements.lock"), locked("requirements-dev.lock")
    assert len(run) > 100
    assert run.items() <= dev.items()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock", "requirements-docs.lock"])
def test_a_lock_has_hashes_and_no_addresses(lock):
    text = (ROOT / lock).read_text()
    assert "://" not in text
    for requirement in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in requirement, requirement


def test_the_installed_versions_are_the_locked_ones():
    wrong = {}
    for name, version in locked("requirements-dev.lock").items():
        installed = importlib.metadata.version(name)
        if installed != version:
            wrong[name] = (version, installed)
    assert not wrong


def test_the_lock_of_a_run_has_no_package_that_only_development_needs():
    assert not {"kfp", "apache-airflow", "pytest", "jupyterlab"} & locked("requirements.lock").keys()


def test_kubeflow_and_airflow_can_be_imported_together_with_tfx(tmp_path):
    code = "import tfx.components, kfp, airflow, tfx.orchestration.kubeflow.kubeflow_dag_runner; print(airflow.__version__)"
    env = cli.environment() | {"AIRFLOW_HOME": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[-1] == locked("requirements-dev.lock")["apache-airflow"]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_can_be_imported(package):
    modules = pkgutil.walk_packages([str(ROOT / package)], f"{package}.")
    for module in modules:
        # Only Airflow imports the DAG file, which needs a JSON file beside it.
        if not module.name.endswith(("__main__", ".airflow_dag")):
            importlib.import_module(module.name)
