"""Ctrl-C and SIGTERM: an orderly end, and the next run goes on."""

import json
import signal
import subprocess
import time

import pytest
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto.metadata_store_pb2 import Execution

from pipeline import node_ids
from pipeline.metadata import uri
from pipeline.metadata.connection import connection_config
from pipeline.record import store
from tests.support import cli


def executions(output, state):
    """How many executions an output folder's MLMD has in a state."""
    connection = connection_config(uri.of_file(f"{output}/metadata.sqlite"))
    found = metadata_store.MetadataStore(connection).get_executions()
    return sum(e.last_known_state == state for e in found)


@pytest.mark.parametrize(
    ("number", "code", "runner"), [(signal.SIGINT, 130, "local"), (signal.SIGTERM, 143, "local"), (signal.SIGTERM, 143, "beam")]
)
def test_a_signal_in_training_ends_the_run(number, code, runner, toy, tmp_path):
    arguments = ("--dataset", "toy.fruit", "--set", "train.steps=1000000", "--runner", runner)
    process = subprocess.Popen(
        cli.command("run", "--output-dir", tmp_path, *arguments),
        cwd=cli.ROOT, env=cli.environment(toy), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stdout:
        if "loss" in line:  # the Trainer's first report
            process.send_signal(number)
            break
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Stopped by" in err
    assert "Traceback" not in err
    written = json.loads((tmp_path / "run.json").read_text())
    assert (written["status"], written["exit_code"]) == ("interrupted", code)
    assert {n["id"]: n["state"] for n in written["nodes"]}[node_ids.TRAINER] == "failed"
    assert not list(tmp_path.joinpath("artifacts", *node_ids.MODEL).iterdir())
    [folder] = (tmp_path / "checkpoints").iterdir()
    saved = max(int(path.stem.removeprefix("model.ckpt-")) for path in folder.glob("model.ckpt-*.index"))
    assert saved > 0
    if runner == "local" and number == signal.SIGTERM:
        again = cli.run(tmp_path, *arguments, "--set", f"train.steps={saved + 50}", path=toy)
        assert (again.code, again.record["train"]["steps"], again.record["train"]["resumed_from"]) == (0, saved + 50, saved)
        assert f"continued from its checkpoint at step {saved:,}" in again.out


def test_a_run_that_was_killed_is_continued_by_the_next_one(toy, tmp_path):
    arguments = ("--dataset", "toy.fruit", "--set", "train.checkpoint_steps=20", "--set", "train.eval_seconds=1000000")
    process = subprocess.Popen(
        cli.command("run", "--output-dir", tmp_path, *arguments, "--set", "train.steps=1000000"),
        cwd=cli.ROOT, env=cli.environment(toy), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
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
    assert executions(tmp_path, Execution.RUNNING) == 1, "kill -9 leaves one"
    half_written = list(tmp_path.glob(f"artifacts/{node_ids.TRAINER}/model*/*"))
    assert half_written
    again = cli.run(tmp_path, *arguments, "--set", f"train.steps={saved + 20}", path=toy)
    assert again.code == 0, again.err
    assert (again.record["train"]["steps"], again.record["train"]["resumed_from"]) == (saved + 20, saved - 20)
    assert again.record["status"] == "pushed"
    # What the killed run had left: nothing is RUNNING any more, half-written folders are gone, its record says what happened.
    assert executions(tmp_path, Execution.RUNNING) == 0 and executions(tmp_path, Execution.CANCELED) == 1
    assert not [path for path in half_written if path.exists()]
    [killed] = [r for r in store.newest_first(str(tmp_path)) if r.run_id != again.record["run_id"]]
    assert (killed.status, killed.exit_code) == ("failed", 1) and "killed" in killed.why
    assert {n.id: n.state for n in killed.nodes}[node_ids.TRAINER] == "failed"
    # Nothing to do now but to begin anew, if asked to.
    fresh = cli.run(tmp_path, *arguments, "--set", "train.steps=40", "--no-resume", path=toy)
    assert (fresh.code, fresh.record["train"]["resumed_from"]) in ((0, 0), (3, 0))
