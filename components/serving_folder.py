"""The serving folder: one folder for each version of a model, named by a number. Model servers watch it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable

from tfx.dsl.io import fileio

# Name of a custom property of a ModelBlessing: the newest span of the data that the model was trained on.
SPAN = "span"
# The file with this span in the folder of a version. TensorFlow Serving does not read `assets.extra`.
SPAN_FILE = "assets.extra/span"


def versions(names: Iterable[str]) -> list[int]:
    """Returns the versions among the names in a serving folder, in increasing order."""
    bare_names = (name.rstrip("/") for name in names)
    return sorted(int(name) for name in bare_names if name.isdigit())


def newest(base: str) -> str | None:
    """Returns the folder of the newest version, which a model server loads; None if there is no version."""
    numbers = versions(fileio.listdir(base)) if fileio.exists(base) else []
    return posixpath.join(base, str(numbers[-1])) if numbers else None


def read_span(version_folder: str) -> int | None:
    """Returns the newest span of the data of a version; None if its data did not come in spans."""
    path = posixpath.join(version_folder, SPAN_FILE)
    if not fileio.exists(path):
        return None
    with fileio.open(path) as file:
        return int(file.read())
