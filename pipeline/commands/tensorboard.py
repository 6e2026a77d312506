"""`python -m pipeline tensorboard`: shows all trainings of an output folder in TensorBoard."""

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

# Only this machine reaches it: TensorBoard has no passwords.
HOST = "127.0.0.1"


def serve(config: PipelineConfig, port: int, echo: Callable[[str], None]) -> None:
    """Serves until Ctrl-C.

    Args:
        config: names the output folder.
        port: port of HOST; 0 takes a free port.
        echo: prints a line on the terminal.

    Raises:
        InputError: no training has written a summary into the folder yet.
        UsageError: the port is taken.
    """
    folder = Path(config.checkpoints)
    if not any(folder.rglob("*.tfevents.*")):
        raise InputError(
            f"There is nothing to show in {folder} yet: no training has written a summary there. Start one with "
            f"`python -m pipeline run --dataset {config.dataset_name}`, or name another folder with --output-dir."
        )
    _check_port(port)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts this in the background ignores Ctrl-C
    with contextlib.suppress(KeyboardInterrupt):
        url = _launch(str(folder), port)
        echo(f"TensorBoard shows {folder} on {url} (Ctrl-C ends it)")
        threading.Event().wait()


def _check_port(port: int) -> None:
    """Checks the port before TensorBoard is imported, which takes seconds."""
    with socket.socket() as probe:
        # TensorBoard binds in the same way: a port is free as soon as its last user has ended.
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
    # The fast loader is a second process, and prints advice about options that this command does not have.
    board.configure(logdir=folder, host=HOST, port=port, load_fast="false")
    try:
        return board.launch()
    except program.TensorBoardServerException as error:
        raise UsageError(f"{error.msg}. Choose another port with --port.") from None


def _silence() -> None:
    """Turns off messages for developers, and TensorBoard's message about each graph that a continued training wrote."""
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    warnings.simplefilter("ignore")
    logging.getLogger("tensorboard").setLevel(logging.ERROR)
