"""Versions of a serving folder."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from tfx.dsl.io import fileio

# TensorFlow Serving takes folders whose names are numbers and no others.
HIDDEN = ".pushing-"


def versions(names: Iterable[str]) -> list[int]:
    """Returns the versions among the names in a serving folder, oldest first."""
    return sorted(int(n.rstrip("/")) for n in names if n.rstrip("/").isdigit())


def newest(base: str) -> str | None:
    """Returns the folder of the version that a model server takes; None if there is none."""
    found = versions(fileio.listdir(base)) if fileio.exists(base) else []
    return posixpath.join(base, str(found[-1])) if found else None


def next_version(names: Iterable[str], now: int) -> str:
    """Returns a version above every one there is: `now`, in seconds since 1970, or one more than the highest."""
    return str(max([now, *(v + 1 for v in versions(names))]))


def leftovers(names: Iterable[str]) -> list[str]:
    """Returns what a push that was killed left behind."""
    return [n for n in names if n.startswith(HIDDEN)]
