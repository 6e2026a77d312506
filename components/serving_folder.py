"""The serving folder: one folder for each version of a model, named by a number. Model servers watch it."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path

from tfx.dsl.io import fileio

from components.decision import Decision
from trainer_module.files import lock
from trainer_module.files.paths import is_remote

# Name of a custom property of a ModelBlessing: the newest span of the data that the model was trained on.
SPAN = "span"
# The file with this span in the folder of a version. TensorFlow Serving does not read `assets.extra`.
_SPAN_FILE = "assets.extra/span"

# Prefix of the folder of a push that is not finished. TensorFlow Serving only reads folders whose names are numbers.
UNFINISHED = ".pushing-"


def versions(names: Iterable[str]) -> list[int]:
    """Returns the versions among the names in a serving folder, in increasing order."""
    bare_names = (name.rstrip("/") for name in names)
    return sorted(int(name) for name in bare_names if name.isdigit())


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


def newest(base: str) -> str | None:
    """Returns the folder of the newest version, which a model server loads; None if there is no version."""
    numbers = versions(fileio.listdir(base)) if fileio.exists(base) else []
    return posixpath.join(base, str(numbers[-1])) if numbers else None


def next_version(names: Iterable[str], now: int) -> str:
    """Returns a version that is higher than all others in the folder: the time, or the highest version plus one.

    Args:
        names: names of the files and folders in the serving folder.
        now: seconds since 1970.
    """
    return str(max([now, *(version + 1 for version in versions(names))]))


def unfinished(names: Iterable[str]) -> list[str]:
    """Returns the folders of pushes that were killed before they finished."""
    return [name for name in names if name.startswith(UNFINISHED)]


def write_span(version_folder: str, span: int) -> None:
    """Writes the newest span of a model's data into the folder of its version."""
    path = posixpath.join(version_folder, _SPAN_FILE)
    fileio.makedirs(posixpath.dirname(path))
    with fileio.open(path, "w") as file:
        file.write(str(span))


def read_span(version_folder: str) -> int | None:
    """Returns the newest span of the data of a version; None if its data did not come in spans."""
    path = posixpath.join(version_folder, _SPAN_FILE)
    if not fileio.exists(path):
        return None
    with fileio.open(path) as file:
        return int(file.read())


def keep_newer_data(decision: Decision, span: int | None, served: str | None) -> Decision:
    """Prevents a good model from replacing one that was trained on newer data, for example in a run on a backfilled span.

    Args:
        decision: the decision on the model, without a look at the served one.
        span: the newest span of its data; None if the data did not come in spans.
        served: folder of the served version; None if no version is served.

    Returns:
        The same decision; or "unchanged" if the model passed, but the served model was trained on newer data.
    """
    served_span = read_span(served) if served else None
    if not decision.passed or span is None or served_span is None or span >= served_span:
        return decision
    why = (
        f"The model is good enough ({decision.why.rstrip('.')}), but its data ends with span {span}, and the data of the model "
        f"in {served} with span {served_span}. Nothing was pushed. To serve a model of older data, remove that version first."
    )
    return Decision(decision="unchanged", why=why, findings=decision.findings)
