"""A run pushes a model although one process of its local cluster is killed during the training."""

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
    """Returns the running processes of clusters that train into an output folder: process id -> task as JSON text."""
    tasks = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_text(), (process / "environ").read_text()
        except OSError:
            continue  # the process has ended
        if "trainer_module.cluster.role" in command and str(output) in command:
            tasks[int(process.name)] = environment.partition('"task"')[2].partition("}")[0]
    return tasks


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "role"), [("parameter_server", "chief"), ("multi_worker_mirrored", "worker")])
def test_a_run_pushes_a_model_although_a_role_is_killed(strategy, role, toy, tmp_path):
    process = subprocess.Popen(
        cli.command(
            "run", "--output-dir", tmp_path, "--dataset", "toy.fruit", *CLUSTERS[strategy],
            "--set", "train.steps=1500", "--set", "train.checkpoint_steps=200",
        ),
        cwd=cli.ROOT, env=cli.environment(toy), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + _SECONDS
    # Asynchronous training saves its first checkpoint at step 200, or one or two steps later.
    while not list(tmp_path.glob("checkpoints/*/model.ckpt-[1-9]*.index")) and time.monotonic() < deadline:
        time.sleep(0.05)
    [victim] = [pid for pid, task in roles(tmp_path).items() if f'"{role}"' in task]
    os.kill(victim, signal.SIGKILL)
    out, err = process.communicate(timeout=_SECONDS)
    assert process.returncode == 0, out + err
    record = (tmp_path / "run.json").read_text()
    assert '"status": "pushed"' in record
    # With asynchronous training each of the two training processes may take one step more.
    assert '"steps": 1500' in record or '"steps": 1501' in record or '"steps": 1502' in record
    assert not roles(tmp_path), "a process of the cluster is left"
    log = next(tmp_path.glob("logs/*.log")).read_text()
    assert "was killed by SIGKILL. It is started again" in log
