"""Ctrl-C and SIGTERM: an orderly end, and the next run goes on."""

import json
import signal
import subprocess

import pytest

from tests import runs


@pytest.mark.parametrize(
    ("number", "code", "runner"), [(signal.SIGINT, 130, "local"), (signal.SIGTERM, 143, "local"), (signal.SIGTERM, 143, "beam")]
)
def test_a_signal_in_training_ends_the_run(number, code, runner, toy, tmp_path):
    arguments = ("--dataset", "toy.fruit", "--set", "train.steps=1000000", "--runner", runner)
    process = subprocess.Popen(
        runs.command("run", "--output-dir", tmp_path, *arguments),
        cwd=runs.ROOT, env=runs.environment(toy), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stdout:
        if "loss" in line:  # the Trainer's first report
            process.send_signal(number)
            break
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Stopped by" in err
    assert "Traceback" not in err
    record = json.loads((tmp_path / "run.json").read_text())
    assert (record["status"], record["exit_code"]) == ("interrupted", code)
    assert {n["id"]: n["state"] for n in record["nodes"]}["Trainer"] == "failed"
    assert not list((tmp_path / "artifacts" / "Trainer" / "model").iterdir())
    [folder] = (tmp_path / "checkpoints").iterdir()
    saved = max(int(path.stem.removeprefix("model.ckpt-")) for path in folder.glob("model.ckpt-*.index"))
    assert saved > 0
    if runner == "local" and number == signal.SIGTERM:
        again = runs.run(tmp_path, *arguments, "--set", f"train.steps={saved + 50}", path=toy)
        assert (again.code, again.record["train"]["steps"], again.record["train"]["resumed_from"]) == (0, saved + 50, saved)
        assert f"went on from its checkpoint at step {saved:,}" in again.out
