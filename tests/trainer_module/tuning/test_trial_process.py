"""The environment of a trial process, and its end with the search."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.searches import ROOT, wait_until
from trainer_module.tuning import trial_process


@pytest.fixture
def trial_environments(monkeypatch):
    """Returns a function: (value of CUDA_VISIBLE_DEVICES, number of parallel trials) -> environment of each trial."""
    for name in ("CUDA_VISIBLE_DEVICES", "TF_FORCE_GPU_ALLOW_GROWTH", "TF_NUM_INTRAOP_THREADS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TF_CONFIG", "{}")

    def environments(visible=None, parallel=2):
        if visible is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        return [trial_process.environment(slot, parallel) for slot in range(parallel)]

    return environments


def test_a_single_trial_has_the_whole_machine_and_no_tf_config(trial_environments):
    [alone] = trial_environments(parallel=1)
    assert not {"CUDA_VISIBLE_DEVICES", "TF_NUM_INTRAOP_THREADS", "TF_CONFIG"} & set(alone)


def test_a_trial_has_the_import_path_of_the_search(trial_environments, monkeypatch):
    monkeypatch.setattr(sys, "path", ["", "/elsewhere"])
    assert trial_environments()[0]["PYTHONPATH"] == f"{Path.cwd()}{os.pathsep}/elsewhere"


@pytest.mark.parametrize(("visible", "expected"), [("4,6", ["4", "6"]), ("4", ["4", "4"]), ("", [None, None])])
def test_trials_share_out_the_gpus(trial_environments, visible, expected):
    environments = trial_environments(visible)
    assert [e.get("CUDA_VISIBLE_DEVICES") or None for e in environments] == expected
    assert {e["TF_FORCE_GPU_ALLOW_GROWTH"] for e in environments} == {"true"}


def test_trials_share_out_the_processors_unless_the_number_of_threads_is_set(trial_environments, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 9)
    assert {e["TF_NUM_INTRAOP_THREADS"] for e in trial_environments()} == {"4"}
    assert {e["TF_NUM_INTRAOP_THREADS"] for e in trial_environments(parallel=20)} == {"1"}
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "7")
    assert {e["TF_NUM_INTRAOP_THREADS"] for e in trial_environments()} == {"7"}


def test_a_trial_whose_search_is_dead_ends_at_once(tmp_path):
    """Its real parent is not the process that `--parent` names."""
    command = [sys.executable, "-m", "trainer_module.tuning.trial_process", str(tmp_path), "--parent", "1"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE) as started:
        code = wait_until(lambda: started.poll() is not None and [started.returncode], "end")
        assert code == [-9]
        assert started.stderr.read() == b""


def test_the_entry_module_of_a_trial_imports_no_heavy_package():
    code = "import sys, trainer_module.tuning.trial_process; print({'tensorflow', 'tfx', 'keras_tuner'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout.strip() == "set()"
