"""Every program that trains or runs nodes looks for garbage less often than Python does by default."""

import gc
import subprocess
import sys

import pytest

from trainer_module import garbage

# Runs `python -m MODULE --help` and prints the thresholds after it.
PROGRAM = """
import gc, os, runpy, sys
os._exit = sys.exit
sys.argv[2:] = ["--help"]
try:
    runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
except SystemExit:
    print(gc.get_threshold())
"""


@pytest.fixture
def thresholds_of_python():
    """Sets Python's own thresholds, and those of the tests again at the end."""
    before = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*before)


def test_the_thresholds_are_set(thresholds_of_python):
    garbage.collect_seldom()
    assert gc.get_threshold() == garbage.THRESHOLDS


@pytest.mark.parametrize(
    "module",
    [
        "pipeline",
        "pipeline.orchestrators.kubeflow_v2_entrypoint",
        "trainer_module.cluster.role",
        "trainer_module.tuning.trial_process",
    ],
)
def test_a_program_sets_them(module):
    program = subprocess.run([sys.executable, "-c", PROGRAM, module], capture_output=True, text=True, check=True)
    assert "usage" in program.stdout.lower()
    assert program.stdout.splitlines()[-1] == str(garbage.THRESHOLDS)
