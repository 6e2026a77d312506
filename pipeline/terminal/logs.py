"""Where the noise goes: TensorFlow, Beam and absl write to a file, the screen stays the pipeline's."""

from __future__ import annotations

import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True)
class Screen:
    """The terminal as it was, for what a person is to see."""

    out: IO[str]
    err: IO[str]


def divert(log: Path) -> Screen:
    """Sends this process's standard output and error, those of C++ code too, and all logging to a file.

    Returns:
        The streams that still lead to the screen.
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
    """Logs to standard error, which an orchestrator shows as the log of a step."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname).1s %(name)s %(message)s", force=True
    )


def settle() -> None:
    """Gives absl's handler up for ours. To be called when absl has been imported: it installs its own then."""
    from absl import logging as absl_logging

    absl_logging.set_verbosity(absl_logging.INFO)
    absl_logging.use_python_logging(quiet=True)


def _duplicate(stream: IO[str]) -> IO[str]:
    return os.fdopen(os.dup(stream.fileno()), "w", encoding="utf-8", buffering=1)
