"""Paths of this machine, and URLs of other file systems such as gs:// or s3://."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path


def is_remote(path: str) -> bool:
    """Returns whether a path is a URL. Remote files cannot be locked, and only TensorFlow or Beam can read them."""
    return bool(re.match(r"\w+://", path))


def absolute(path: str) -> str:
    """Makes a path absolute. A URL stays unchanged."""
    return path if is_remote(path) else str(Path(path).absolute())


def local_log_folder(folder: str) -> Path:
    """Returns the folder on this machine for the logs of the work in a folder.

    It is the folder itself. A process cannot append its output to a remote file: for a URL it is a folder with the same path
    in the folder for temporary files. It is always the same one, so a process that continues the work appends to the log.
    """
    return Path(tempfile.gettempdir(), folder.partition("://")[2].lstrip("/")) if is_remote(folder) else Path(folder)
