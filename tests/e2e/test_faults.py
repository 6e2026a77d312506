"""A role of the local cluster is killed in the middle of a run: the run ends with a pushed model all the same."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import cli

_SECONDS = 240
CLUSTERS = {
    "parameter_server": ("--set", "train.cluster.workers=1", "--set", "train.cluster.ps=1"),
    "multi_worker_mirrored": ("--set", "train.cluster.workers=1", "--set", "train.cluster.strategy=multi_worker_mirrored"),
}


def roles(output):
    """Process id -> role, of the clusters that train into an output folder."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_text(), (process / "environ").read_text()
        except OSError:
            continue  # it has ended
        if "trainer_module.cluster.role" in command and str(output) in command:
            found[int(process.name)] = environment.partition('"task"')[2].partition("}")[0]
    return found


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "role"), [("parameter_server", "chief"), ("multi_worker_mirrored", "worker")])
def test_a_role_is_killed_and_a_model_is_pushed(strategy, role, toy, tmp_path):
    process = subprocess.Popen(
        cli.command(
            "run", "--output-dir", tmp_path, "--dataset", "toy.fruit", *CLUSTERS[strategy],
            "--set", "train.steps=1500", "--set", "train.checkpoint_steps=200",
        ),
        cwd=cli.ROOT, env=cli.environment(toy), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + _SECONDS
    # Those that train asynchronously save at 200 or a step or two later.
    while not list(tmp_path.glob("checkpoints/*/model.ckpt-[1-9]*.index")) and time.monotonic() < deadline:
        time.sleep(0.05)
    [victim] = [pid for pid, task in roles(tmp_path).items() if f'"{role}"' in task]
    os.kill(victim, signal.SIGKILL)
    out, err = process.communicate(timeout=_SECONDS)
    assert process.returncode == 0, out + err
    record = (tmp_path / "run.json").read_text()
    assert '"status": "pushed"' in record
    # Asynchronously, each of the processes that train may take one step more.
    assert '"steps": 1500' in record or '"steps": 1501' in record or '"steps": 1502' in record
    assert not roles(tmp_path), "a process is left"
    log = next(tmp_path.glob("logs/*.log")).read_text()
    assert "was killed by SIGKILL. It is started again" in log
