"""Ctrl-C and SIGTERM: an orderly end, and the next run goes on."""

import json
import signal
import subprocess
import time

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


def test_a_run_that_was_killed_is_continued_by_the_next_one(toy, tmp_path):
    arguments = ("--dataset", "toy.fruit", "--set", "train.checkpoint_steps=20", "--set", "train.eval_seconds=1000000")
    process = subprocess.Popen(
        runs.command("run", "--output-dir", tmp_path, *arguments, "--set", "train.steps=1000000"),
        cwd=runs.ROOT, env=runs.environment(toy), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("checkpoints/*/model.ckpt-60.index")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait(60)
    [folder] = (tmp_path / "checkpoints").iterdir()
    saved = max(int(path.stem.removeprefix("model.ckpt-")) for path in folder.glob("model.ckpt-*.index"))
    newest = folder / f"model.ckpt-{saved}.data-00000-of-00001"
    newest.write_bytes(newest.read_bytes()[:100])  # and the disk had not got to the end of it
    again = runs.run(tmp_path, *arguments, "--set", f"train.steps={saved + 20}", path=toy)
    assert again.code == 0, again.err
    assert (again.record["train"]["steps"], again.record["train"]["resumed_from"]) == (saved + 20, saved - 20)
    assert again.record["status"] == "pushed"
    # Nothing to do now but to begin anew, if asked to.
    fresh = runs.run(tmp_path, *arguments, "--set", "train.steps=40", "--no-resume", path=toy)
    assert (fresh.code, fresh.record["train"]["resumed_from"]) in ((0, 0), (3, 0))
