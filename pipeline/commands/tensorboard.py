"""`python -m pipeline tensorboard`: TensorBoard over all trainings of an output folder.

(The file is not called tensorboard.py: that would shadow the package for whoever has this folder on the path.)
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Callable
from pathlib import Path

from pipeline.config.pipeline_config import PipelineConfig
from pipeline.errors import InputError, UsageError

# Reachable from this machine only: TensorBoard asks nobody for a password.
HOST = "127.0.0.1"


def serve(config: PipelineConfig, port: int, say: Callable[[str], None]) -> None:
    """Serves until Ctrl-C.

    Args:
        config: names the output folder.
        port: of HOST; 0 takes a free one.
        say: shows a person a line.

    Raises:
        InputError: no training has written anything there yet.
        UsageError: the port is taken.
    """
    folder = Path(config.checkpoints)
    if not any(folder.rglob("*.tfevents.*")):
        raise InputError(
            f"There is nothing to show in {folder} yet: no training has written a summary there. Start one with "
            f"`python -m pipeline run --dataset {config.dataset_name}`, or name another folder with --output-dir."
        )
    _check_port(port)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts it in the background has it ignored
    with contextlib.suppress(KeyboardInterrupt):
        url = _launch(str(folder), port)
        say(f"TensorBoard shows {folder} on {url} (Ctrl-C ends it)")
        threading.Event().wait()


def _check_port(port: int) -> None:
    """Said before the seconds that importing TensorBoard takes."""
    with socket.socket() as probe:
        # As TensorBoard binds: a port whose last user has just gone is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise UsageError(
                f"Port {port} of {HOST} cannot be used: {error.strerror}. Choose another one with --port; 0 takes a free one."
            ) from None


def _launch(folder: str, port: int) -> str:
    """Starts the server in a thread. Returns its address."""
    _silence()
    from tensorboard import program

    board = program.TensorBoard()
    # Read by this process: the fast loader is a second one, and says so in words about options that are not ours.
    board.configure(logdir=folder, host=HOST, port=port, load_fast="false")
    try:
        return board.launch()
    except program.TensorBoardServerException as error:
        raise UsageError(f"{error.msg}. Choose another port with --port.") from None


def _silence() -> None:
    """TensorFlow and other libraries speak to developers, TensorBoard about every graph that a continued training wrote."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    warnings.simplefilter("ignore")
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
