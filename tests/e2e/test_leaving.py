"""SIGTERM from outside, in the middle of an evaluation and of an export: the training leaves in order and is continued."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from pipeline import node_ids
from tests.support import cli
from trainer_module.checkpoints.checkpoints import step_of

ARGUMENTS = (
    "--dataset", "toy.fruit", "--model", "toy.slow", "--set", "train.steps=40", "--set", "train.checkpoint_steps=20",
    "--set", "train.eval_seconds=0", "--set", "train.batch_size=5", "--to", node_ids.TRAINER,
)  # fmt: skip


@pytest.fixture
def terminated_in(toy, tmp_path):
    """Returns a function: sends SIGTERM to a run in a moment. Returns the folder of its training."""

    def run(moment):
        process = subprocess.Popen(
            cli.command("run", "--output-dir", tmp_path, *ARGUMENTS),
            cwd=cli.ROOT, env=cli.environment(toy) | {"MOMENTS": str(tmp_path), "MOMENT": moment},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + 120
        while not (tmp_path / moment).exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 143, out + err
        assert json.loads((tmp_path / "run.json").read_text())["status"] == "interrupted"
        [folder] = (tmp_path / "checkpoints").iterdir()
        return folder

    return run


def evaluated(folder):
    """The step of the newest evaluation, None if there is none."""
    file = Path(folder, "evaluations.json")
    return json.loads(file.read_text())["last"]["step"] if file.exists() else None


def goes_on(tmp_path, toy):
    """Runs again. Returns (step it began at, step it ended at)."""
    again = cli.run(tmp_path, *ARGUMENTS, path=toy)
    assert again.code == 0, again.err
    return again.record["train"]["resumed_from"], again.record["train"]["steps"]


@pytest.mark.slow
def test_in_an_evaluation_it_leaves_before_the_next_batch_without_an_export(terminated_in, toy, tmp_path):
    folder = terminated_in("evaluation")
    assert len((tmp_path / "evaluation").read_text()) <= 2, "of dozens of batches"
    assert (step_of(str(folder)), evaluated(folder)) == (20, None)
    assert not list(folder.glob("export/*/*"))
    assert goes_on(tmp_path, toy) == (20, 40)


@pytest.mark.slow
def test_in_an_export_it_leaves_behind_it_and_the_export_is_whole(terminated_in, toy, tmp_path):
    folder = terminated_in("export")
    assert (step_of(str(folder)), evaluated(folder)) == (20, 20)
    [export] = folder.glob("export/best/*")
    assert (export / "saved_model.pb").exists() and (export / "variables" / "variables.index").exists()
    assert goes_on(tmp_path, toy) == (20, 40)
