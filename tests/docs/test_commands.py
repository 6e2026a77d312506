"""Every command in the documentation works in the order of the pages, in a copy of the checkout. Every file is valid."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from data import Dataset
from tests.support import cli
from tests.support.pages import BLOCKS, FILES, ROOT
from tests.support.warm import WarmProcess

PIPELINE = ".venv/bin/python -m pipeline "
SECONDS = 600
AIRFLOW = "it writes to the home folder; tests/orchestrators/airflow runs compiled DAGs with `dags test` and a scheduler"
# Start of a command that does not run in this test -> reason. Only its syntax is checked.
NOT_RUN = {
    "make lint": "CI runs it",
    "make test": "it runs this test",
    "make e2e": "it takes half an hour; CI runs its tests, except Kubernetes and parity",
    ".venv/bin/python -m pipeline tensorboard": "it ends only with Ctrl-C; tests/pipeline/commands starts the server",
    '.venv/bin/python -m pipeline run --data "sales/': "only the reader has the data; tests/e2e/test_spans.py has such runs",
    "PYTHONPATH=": "only the reader has the package; tests/e2e runs datasets and models outside the tree",
    "METADATA_USER": "only the reader has the server; tests/orchestrators/test_metadata_servers.py starts such servers",
    "tensorflow_model_server": "it is not a Python package",
    "curl": "it needs tensorflow_model_server",
    "docker": "it needs a Docker engine",
    "kubectl": "it needs a cluster; tests/orchestrators/kubernetes submits the workflow to a real API server",
    "argo": "it needs a cluster, like kubectl",
    ".venv/bin/kfp": "it needs Kubeflow",
    "kfp": "it needs Kubeflow",
    "make .venv/.dev": AIRFLOW,
    "export PATH": AIRFLOW,
    "mkdir -p ~/airflow": AIRFLOW,
    "airflow": AIRFLOW,
    "cp outputs/taxi.py": AIRFLOW,
    "uvx": "it needs a network",
    "osv-scanner": "it needs a network",
}


def commands(block):
    """Returns the commands of a block, one per line. A backslash at the end of a line joins it with the next one."""
    return block.text.replace("\\\n", "").splitlines()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the checkout with this virtual environment and the files that the pages tell the reader to write."""
    folder = tmp_path_factory.mktemp("docs") / "checkout"
    ignore = shutil.ignore_patterns(".venv*", ".uv", ".git", "outputs", "_build", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, folder, ignore=ignore)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def environment():
    """Returns this environment without the variables of an outer `make test ARGS=...`, which would change an inner `make`."""
    return {k: v for k, v in cli.environment().items() if k not in ("ARGS", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS")}


@pytest.fixture
def run_command(checkout, tmp_path):
    """Returns a function that runs a command of a page in bash, at most ten minutes, and asserts that it succeeds.

    A command that only starts `python -m pipeline` runs in a fork, with the arguments that bash passes: see `warm`.
    """
    process = WarmProcess(checkout)

    def run(page, command):
        stdin, out, err = streams = [tmp_path / name for name in ("in", "out", "err")]
        for stream in streams:
            stream.write_text("")
        if command.startswith(PIPELINE) and not set(command) & set(";|&<>`$"):
            print_arguments = "printf '%s\\0' " + command.removeprefix(PIPELINE)
            arguments = subprocess.run(
                ["bash", "-euc", print_arguments], cwd=checkout, capture_output=True, text=True, check=True
            ).stdout.split("\0")[:-1]
            code = process.run("pipeline", arguments, cwd=checkout, environment=environment(), streams=streams, seconds=SECONDS)
        else:
            with stdin.open() as in_, out.open("w") as out_, err.open("w") as err_:
                code = subprocess.run(
                    ["bash", "-euc", command], cwd=checkout, env=environment(), stdin=in_, stdout=out_, stderr=err_,
                    timeout=SECONDS, check=False,
                ).returncode  # fmt: skip
        assert code == 0, f"{page}: {command}\n{out.read_text()}\n{err.read_text()}"

    yield run
    process.stop()


@pytest.mark.slow
def test_every_command_works_in_the_order_of_the_pages(checkout, run_command):
    already_run = set()
    for block in BLOCKS:
        if block.language == "bash" and block.info != "norun":
            for command in commands(block):
                if command not in already_run:  # two pages may show the same command
                    run_command(block.page.name, command)
                    already_run.add(command)
        elif block.language == "python" and block.info == "run":
            done = subprocess.run(
                [sys.executable, "-c", block.text],
                cwd=checkout,
                env=cli.environment(),
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            assert "'probability': <tf.Tensor: shape=(1,)" in done.stdout
    assert len(already_run) >= 30
    assert len(cli.served_versions(checkout / "outputs/taxi")) >= 2, "by `make run` and with the Keras model"
    for recipe in ("my-linear", "fruit-logistic", "paper", "prototype", "prices"):
        assert cli.served_versions(checkout / "outputs" / recipe), recipe


def test_every_command_that_does_not_run_is_valid_and_has_a_reason():
    for block in BLOCKS:
        if block.language == "bash" and block.info == "norun":
            assert subprocess.run(["bash", "-n", "-c", block.text], check=False).returncode == 0
            for command in commands(block):
                assert any(command.startswith(start) for start in NOT_RUN), command


def test_a_file_on_two_pages_has_the_same_text_on_both():
    for block in BLOCKS:
        if block.info.startswith("file="):
            assert block.text == FILES[block.info.removeprefix("file=")], block.page.name


def test_every_dataset_declaration_on_a_page_is_valid():
    declarations = [block.text for block in BLOCKS if block.language == "python" and "DATASET = Dataset(" in block.text]
    assert len(declarations) >= 3
    for text in declarations:
        names: dict[str, object] = {}
        exec(text, names)
        assert isinstance(names["DATASET"], Dataset)
