"""What the process of a trial is given, and that it does not outlive its search."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.searches import ROOT, until
from trainer_module.tuning import trial_process


@pytest.fixture
def machine(monkeypatch):
    """Returns a function: what is said of the GPUs -> the environments of two trials at a time."""
    for name in ("CUDA_VISIBLE_DEVICES", "TF_FORCE_GPU_ALLOW_GROWTH", "TF_NUM_INTRAOP_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TF_CONFIG", "{}")

    def environments(visible=None, parallel=2):
        if visible is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        return [trial_process._environment(slot, parallel) for slot in range(parallel)]

    return environments


def test_a_trial_alone_has_the_whole_machine_and_no_cluster(machine):
    [alone] = machine(parallel=1)
    assert not {"CUDA_VISIBLE_DEVICES", "TF_NUM_INTRAOP_THREADS", "TF_CONFIG"} & set(alone)


def test_what_can_be_imported_here_can_be_there(machine, monkeypatch):
    monkeypatch.setattr(sys, "path", ["", "/elsewhere"])
    assert machine()[0]["PYTHONPATH"] == f"{Path.cwd()}{os.pathsep}/elsewhere"


@pytest.mark.parametrize(("visible", "given"), [("4,6", ["4", "6"]), ("4", ["4", "4"]), ("", [None, None])])
def test_gpus_are_shared_out(machine, visible, given):
    found = machine(visible)
    assert [e.get("CUDA_VISIBLE_DEVICES") or None for e in found] == given
    assert {e["TF_FORCE_GPU_ALLOW_GROWTH"] for e in found} == {"true"}


def test_processors_are_shared_out_unless_somebody_has_said_how(machine, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 9)
    assert {e["TF_NUM_INTRAOP_THREADS"] for e in machine()} == {"4"}
    assert {e["TF_NUM_INTRAOP_THREADS"] for e in machine(parallel=20)} == {"1"}
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    assert {e["TF_NUM_INTRAOP_THREADS"] for e in machine()} == {"7"}


def test_a_trial_whose_search_is_gone_ends_before_it_has_done_anything(tmp_path):
    """Its parent is not the process that it was told to end with."""
    command = [sys.executable, "-m", "trainer_module.tuning.trial_process", str(tmp_path), "--parent", "1"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as started:
        code = until(lambda: started.poll() is not None and [started.returncode], "end")
        assert code == [-9]
        assert started.stderr.read() == b""


def test_the_module_that_a_trial_starts_with_is_light():
    code = "import sys, trainer_module.tuning.trial_process; print({'tensorflow', 'tfx', 'keras_tuner'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "set()"
