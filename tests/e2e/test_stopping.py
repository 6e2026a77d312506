"""Ctrl-C and SIGTERM end a run in order, and the next run continues its training. So does the run after a SIGKILL."""

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


def count_executions(output, state):
    """Returns how many executions in the MLMD of an output folder have a state."""
    connection = connection_config(uri.of_file(f"{output}/metadata.sqlite"))
    executions = metadata_store.MetadataStore(connection).get_executions()
    return sum(e.last_known_state == state for e in executions)


@pytest.mark.parametrize(
    ("number", "code", "runner"),
    [
        (signal.SIGINT, 130, "local"),
        (signal.SIGTERM, 143, "local"),
        pytest.param(signal.SIGTERM, 143, "beam", marks=pytest.mark.slow),
    ],
)
def test_a_signal_during_the_training_ends_the_run_and_the_next_run_continues_it(number, code, runner, toy, tmp_path):
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
    record = json.loads((tmp_path / "run.json").read_text())
    assert (record["status"], record["exit_code"]) == ("interrupted", code)
    assert {n["id"]: n["state"] for n in record["nodes"]}[node_ids.TRAINER] == "failed"
    assert not list(tmp_path.joinpath("artifacts", *node_ids.MODEL).iterdir())
    [folder] = (tmp_path / "checkpoints").iterdir()
    saved = max(int(path.stem.removeprefix("model.ckpt-")) for path in folder.glob("model.ckpt-*.index"))
    assert saved > 0
    if runner == "local" and number == signal.SIGTERM:
        again = cli.run(tmp_path, *arguments, "--set", f"train.steps={saved + 50}", path=toy)
        assert (again.code, again.record["train"]["steps"], again.record["train"]["resumed_from"]) == (0, saved + 50, saved)
        assert f"continued from its checkpoint at step {saved:,}" in again.out


@pytest.mark.slow
def test_the_next_run_continues_a_killed_run(toy, tmp_path):
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
    newest.write_bytes(newest.read_bytes()[:100])  # a checkpoint that was only half written to the disk
    assert count_executions(tmp_path, Execution.RUNNING) == 1, "SIGKILL leaves one execution running"
    half_written = list(tmp_path.glob(f"artifacts/{node_ids.TRAINER}/model*/*"))
    assert half_written
    again = cli.run(tmp_path, *arguments, "--set", f"train.steps={saved + 20}", path=toy)
    assert again.code == 0, again.err
    assert (again.record["train"]["steps"], again.record["train"]["resumed_from"]) == (saved + 20, saved - 20)
    assert again.record["status"] == "pushed"
    # The killed run is cleaned up: no execution is RUNNING, half-written folders are gone, its record says that it was killed.
    assert count_executions(tmp_path, Execution.RUNNING) == 0
    assert count_executions(tmp_path, Execution.CANCELED) == 1
    assert not [path for path in half_written if path.exists()]
    [killed] = [r for r in store.newest_first(str(tmp_path)) if r.run_id != again.record["run_id"]]
    assert (killed.status, killed.exit_code) == ("failed", 1) and "killed" in killed.why
    assert {n.id: n.state for n in killed.nodes}[node_ids.TRAINER] == "failed"
    # --no-resume starts from step 0 although a checkpoint exists.
    fresh = cli.run(tmp_path, *arguments, "--set", "train.steps=40", "--no-resume", path=toy)
    assert (fresh.code, fresh.record["train"]["resumed_from"]) in ((0, 0), (3, 0))
