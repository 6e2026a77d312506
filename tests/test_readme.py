"""The README tells the truth: a reader follows it from top to bottom, in a copy of the checkout."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.dag import create_pipeline
from tests.support import cli, samples

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+) ?([^\n]*)\n(.*?)^```$", re.M | re.S)
BLOCKS = [(language, info, text) for language, info, text in BLOCK.findall((ROOT / "README.md").read_text())]

# What cannot run here or within a test: it is checked for syntax alone.
NOT_RUN = {
    "make test", "make e2e", ".venv/bin/python -m pipeline tensorboard", "tensorflow_model_server", "curl", "docker", "kubectl",
    "argo", ".venv/bin/kfp", "make .venv/.dev", "export PATH", "mkdir", "airflow", "METADATA_USER",
    "python -m pipeline compile airflow",  # tests/orchestrators/airflow does it
}  # fmt: skip


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the checkout with the README's files in it, and this environment."""
    folder = tmp_path_factory.mktemp("readme") / "checkout"
    ignore = shutil.ignore_patterns(".venv", ".git", "outputs", "__pycache__", ".*_cache")
    shutil.copytree(ROOT, folder, ignore=ignore)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    for _, info, text in BLOCKS:
        if info.startswith("file="):
            (folder / info.removeprefix("file=")).write_text(text)
    (folder / "data/samples/fruit").mkdir()
    samples.write_fruit(folder / "data/samples/fruit/fruit.csv")
    return folder


def environment():
    """Without what a `make test ARGS=...` around this would hand down to the `make run` inside."""
    return {k: v for k, v in cli.environment().items() if k not in ("ARGS", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS")}


def shell(command, folder):
    return subprocess.run(
        ["bash", "-euc", command], cwd=folder, env=environment(), capture_output=True, text=True, timeout=600, check=False
    )


@pytest.mark.slow
def test_every_command_works_in_the_order_of_the_page(checkout):
    for language, info, text in BLOCKS:
        if language == "bash" and info != "norun":
            for command in text.splitlines():
                done = shell(command, checkout)
                assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        elif language == "python" and info == "run":
            done = subprocess.run(
                [sys.executable, "-c", text], cwd=checkout, env=cli.environment(), capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            assert "'probability': <tf.Tensor: shape=(1,)" in done.stdout
    assert len(cli.served_versions(checkout / "outputs/taxi")) >= 2, "make run has pushed, and so has the Keras model"
    for recipe in ("fruit-logistic", "paper", "prototype", "prices"):
        assert cli.served_versions(checkout / "outputs" / recipe), recipe


def test_what_is_not_run_is_a_short_list_of_valid_commands():
    for language, info, text in BLOCKS:
        if language == "bash" and info == "norun":
            assert subprocess.run(["bash", "-n", "-c", text], check=False).returncode == 0
            for command in text.splitlines():
                assert any(command.startswith(start) for start in NOT_RUN), command


def test_every_path_that_is_named_exists():
    text = BLOCK.sub("", (ROOT / "README.md").read_text())
    named = set(re.findall(r"`([\w.]+/[\w./]*|\w+\.(?:py|toml))`", text))
    made = {"serving/", "runs/", "logs/", "checkpoints/", "broken/", "artifacts/", "data/samples/fruit/schema.pbtxt"}
    recipes = {info.removeprefix("file=") for _, info, _ in BLOCKS if info.startswith("file=")}
    bases = [ROOT, *(ROOT / base for base in ("pipeline", "components/data_gate", "trainer_module", "data", "tests"))]
    assert len(named) > 15
    for path in named - made - recipes:
        assert any((base / path).exists() for base in bases), path


def test_the_picture_of_the_dag_has_every_node(tmp_path):
    from pipeline.config import pipeline_config

    [picture] = [text for language, _, text in BLOCKS if language == "text" and "─►" in text]
    finished = pipeline_config.load(None, (), {"output_dir": str(tmp_path)})
    for node in create_pipeline(finished).components:
        assert node.id in picture


def test_the_options_of_run_are_those_in_the_table():
    text = (ROOT / "README.md").read_text()
    said = set(re.findall(r"`(--[a-z-]+)", text))
    known = set(re.findall(r"(--[a-z-]+)", cli.call("run", "--help").out))
    assert said - known <= {"--yes"}
    assert known - said <= {"--help", "--debug"}


def test_the_names_of_today_exist_and_those_of_then_do_not():
    import tensorflow as tf

    text = (ROOT / "README.md").read_text()
    then, now = [], []
    for row in re.findall(r"^\| (`(?:tf|keras)\..*)\|(.*)\|$", text[text.index("## You have") :], re.M):
        then += re.findall(r"tf\.contrib[\w.]*", row[0])
        now += re.findall(r"\btf(?:\.\w+)+", row[1])
    assert len(set(then)) >= 8
    assert len(set(now)) >= 15
    for name in set(then):
        assert not hasattr(tf, name.split(".")[1]), name
    for name in set(now):
        found = tf
        for part in name.split(".")[1:]:
            found = getattr(found, part)
