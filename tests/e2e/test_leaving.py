"""SIGTERM during an evaluation or an export ends a training in order, and the next run continues it."""

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
    """Returns a function: "evaluation" or "export" -> starts a run, sends SIGTERM then, returns the folder of the training."""

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


def evaluated_step(folder):
    """Returns the step of the newest evaluation, or None if there is none."""
    file = Path(folder, "evaluations.json")
    return json.loads(file.read_text())["last"]["step"] if file.exists() else None


def run_again(tmp_path, toy):
    """Runs the pipeline again. Returns (first step, last step) of its training."""
    again = cli.run(tmp_path, *ARGUMENTS, path=toy)
    assert again.code == 0, again.err
    return again.record["train"]["resumed_from"], again.record["train"]["steps"]


@pytest.mark.slow
def test_sigterm_during_an_evaluation_ends_the_training_before_the_next_batch_without_an_export(terminated_in, toy, tmp_path):
    folder = terminated_in("evaluation")
    assert len((tmp_path / "evaluation").read_text()) <= 2, "the evaluation has dozens of batches"
    assert (step_of(str(folder)), evaluated_step(folder)) == (20, None)
    assert not list(folder.glob("export/*/*"))
    assert run_again(tmp_path, toy) == (20, 40)


@pytest.mark.slow
def test_sigterm_during_an_export_ends_the_training_after_the_complete_export(terminated_in, toy, tmp_path):
    folder = terminated_in("export")
    assert (step_of(str(folder)), evaluated_step(folder)) == (20, 20)
    [export] = folder.glob("export/best/*")
    assert (export / "saved_model.pb").exists() and (export / "variables" / "variables.index").exists()
    assert run_again(tmp_path, toy) == (20, 40)
