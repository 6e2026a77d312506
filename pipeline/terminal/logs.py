"""Sends the output of TensorFlow, Beam and absl to a file, so that only the pipeline writes on the screen."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True)
class Screen:
    """The streams of the terminal from before the redirection. Texts for the user go there."""

    out: IO[str]
    err: IO[str]


def redirect_to_file(log: Path) -> Screen:
    """Sends standard output, standard error (of C++ code too) and all logging of this process to a file.

    Args:
        log: the file. Its folder is created if it does not exist.

    Returns:
        The streams that still lead to the screen.

    Raises:
        OSError: the file cannot be written.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    screen = Screen(_duplicate(sys.stdout), _duplicate(sys.stderr))
    with log.open("ab") as file:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
            os.dup2(file.fileno(), stream.fileno())
    to_stderr()
    return screen


def to_stderr() -> None:
    """Sends all logging to standard error. An orchestrator shows it as the log of a step."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname).1s %(name)s %(message)s", force=True
    )


def route_absl() -> None:
    """Sends the logging of absl to our handler. Call it after the import of absl, which installs its own handler."""
    from absl import logging as absl_logging

    absl_logging.set_verbosity(absl_logging.INFO)
    absl_logging.use_python_logging(quiet=True)


def _duplicate(stream: IO[str]) -> IO[str]:
    return os.fdopen(os.dup(stream.fileno()), "w", encoding="utf-8", buffering=1)
