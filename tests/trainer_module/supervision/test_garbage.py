"""Every program of the project looks for garbage less often than Python does by default."""

import gc
import subprocess
import sys

import pytest

from trainer_module.supervision import garbage

# Runs `python -m MODULE --help` and prints the thresholds at its end.
PROGRAM = """
import gc, os, runpy, sys
os._exit = sys.exit
sys.argv[2:] = ["--help"]
try:
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
except SystemExit:
    print(gc.get_threshold())
"""


def test_the_thresholds_are_set():
    before = gc.get_threshold()
    garbage.collect_seldom()
    assert gc.get_threshold() == garbage.THRESHOLDS
    gc.set_threshold(*before)


@pytest.mark.parametrize(
    "module",
    [
        "pipeline",
        "pipeline.orchestrators.kubeflow_v2_entrypoint",
        "trainer_module.cluster.role",
        "trainer_module.tuning.trial_process",
    ],
)
def test_a_program_sets_them_at_its_start(module):
    program = subprocess.run([sys.executable, "-c", PROGRAM, module], capture_output=True, text=True, check=True)
    assert "usage" in program.stdout.lower()
    assert program.stdout.splitlines()[-1] == str(garbage.THRESHOLDS)
