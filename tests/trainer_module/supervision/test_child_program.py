"""A program that a ChildProcess runs knows the options that it gets, and logs to standard error."""

import argparse
import subprocess
import sys

from trainer_module.supervision import child_program

PROGRAM = """
import faulthandler, logging
from trainer_module.supervision import child_program
child_program.log_to_stderr()
logging.getLogger("trainer").info("step 5")
logging.getLogger("tensorflow").warning("Estimators are deprecated")
logging.getLogger("tensorflow").warning("no GPU")
assert faulthandler.is_enabled()
"""


def test_the_options_are_optional_numbers():
    parser = argparse.ArgumentParser()
    child_program.add_options(parser)
    assert parser.parse_args([]) == argparse.Namespace(parent=None, heartbeat=None)
    assert parser.parse_args(["--parent", "12", "--heartbeat", "3"]) == argparse.Namespace(parent=12, heartbeat=3)


def test_the_log_has_what_the_program_says_and_no_deprecation_of_tensorflow():
    program = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert [line.split(" ", 2)[2] for line in program.stderr.splitlines()] == ["INFO step 5", "WARNING no GPU"]
