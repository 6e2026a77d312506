"""Versions of a serving folder."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from tfx.dsl.io import fileio

# Custom property of a ModelBlessing, and a file of a pushed version: the span that a model's data ends with.
SPAN = "span"
_SPAN_FILE = "assets.extra/span"

# TensorFlow Serving takes folders whose names are numbers and no others.
HIDDEN = ".pushing-"


def versions(names: Iterable[str]) -> list[int]:
    """Returns the versions among the names in a serving folder, oldest first."""
    return sorted(int(n.rstrip("/")) for n in names if n.rstrip("/").isdigit())


def newest(base: str) -> str | None:
    """Returns the folder of the version that a model server takes; None if there is none."""
    found = versions(fileio.listdir(base)) if fileio.exists(base) else []
    return posixpath.join(base, str(found[-1])) if found else None


def write_span(version: str, span: int) -> None:
    """Writes the span of a model's data into the folder of a version."""
    path = posixpath.join(version, _SPAN_FILE)
    fileio.makedirs(posixpath.dirname(path))
    with fileio.open(path, "w") as file:
        file.write(str(span))


def read_span(version: str) -> int | None:
    """Reads it; None if there is none."""
    path = posixpath.join(version, _SPAN_FILE)
    if not fileio.exists(path):
        return None
    with fileio.open(path) as file:
        return int(file.read())


def next_version(names: Iterable[str], now: int) -> str:
    """Returns a version above every one there is: `now`, in seconds since 1970, or one more than the highest."""
    return str(max([now, *(v + 1 for v in versions(names))]))


def leftovers(names: Iterable[str]) -> list[str]:
    """Returns what a push that was killed left behind."""
    return [n for n in names if n.startswith(HIDDEN)]
