"""The start of a program that `ChildProcess` runs: its options and its log. Imports nothing heavy."""

from __future__ import annotations

import argparse
import faulthandler
import logging
import signal


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that `ChildProcess` passes to every program."""
    parser.add_argument("--parent", type=int, help="id of the parent process, with which this one ends")
    parser.add_argument("--heartbeat", type=int, help="descriptor of the pipe for messages to the parent")


def log_to_stderr() -> None:
    """Sends log records, and the stacks of a crash, to standard error, which is the log file of the process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # TensorFlow 2.15 logs twenty times per start that a part of Estimators is deprecated.
    logging.getLogger("tensorflow").addFilter(lambda record: "deprecated" not in str(record.msg))
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)  # kill -USR1 prints all stacks
