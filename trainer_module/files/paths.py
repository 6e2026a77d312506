"""Paths of this machine, and URLs of other file systems such as gs:// or s3://."""

from __future__ import annotations

import re
from pathlib import Path


def is_remote(path: str) -> bool:
    """Returns whether a path is a URL. Remote files cannot be locked, and only TensorFlow or Beam can read them."""
    return bool(re.match(r"\w+://", path))


def absolute(path: str) -> str:
    """Makes a path absolute. A URL stays unchanged."""
    return path if is_remote(path) else str(Path(path).absolute())
