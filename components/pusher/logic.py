"""The parts of a push: a lock, the name of the new version, a folder that no model server reads until it is complete."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path

from tfx.dsl.io import fileio

from components import serving_folder
from trainer_module.files import lock
from trainer_module.files.paths import is_remote

# Prefix of the folder of a push that is not finished. TensorFlow Serving only reads folders whose names are numbers.
UNFINISHED = ".pushing-"


@contextlib.contextmanager
def locked(base: str) -> Iterator[None]:
    """Creates a serving folder and locks it against pushes of other processes. Object storage has no locks: there it locks
    nothing.
    """
    fileio.makedirs(base)
    if is_remote(base):
        yield
        return
    folder = Path(base)
    with lock.open_locked(folder.with_name(f".{folder.name}.lock"), wait=True):
        yield


def next_version(names: Iterable[str], now: int) -> str:
    """Returns a version that is higher than all others in the folder: the time, or the highest version plus one.

    Args:
        names: names of the files and folders in the serving folder.
        now: seconds since 1970.
    """
    return str(max([now, *(version + 1 for version in serving_folder.versions(names))]))


def unfinished(names: Iterable[str]) -> list[str]:
    """Returns the folders of pushes that were killed before they finished."""
    return [name for name in names if name.startswith(UNFINISHED)]


def write_span(version_folder: str, span: int) -> None:
    """Writes the newest span of a model's data into the folder of its version."""
    path = posixpath.join(version_folder, serving_folder.SPAN_FILE)
    fileio.makedirs(posixpath.dirname(path))
    with fileio.open(path, "w") as file:
        file.write(str(span))
