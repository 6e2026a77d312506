"""Versions of a serving folder."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path

from tfx.dsl.io import fileio

from components.decision import Decision
from trainer_module.files import lock
from trainer_module.files.paths import is_remote

# Custom property of a ModelBlessing, and a file of a pushed version: the span that a model's data ends with.
SPAN = "span"
_SPAN_FILE = "assets.extra/span"

# TensorFlow Serving takes folders whose names are numbers and no others.
HIDDEN = ".pushing-"


def versions(names: Iterable[str]) -> list[int]:
    """Returns the versions among the names in a serving folder, oldest first."""
    return sorted(int(n.rstrip("/")) for n in names if n.rstrip("/").isdigit())


@contextlib.contextmanager
def alone(base: str) -> Iterator[None]:
    """Makes a serving folder and waits until no other process delivers to it. Object storage knows no locks."""
    fileio.makedirs(base)
    if is_remote(base):
        yield
        return
    folder = Path(base)
    with lock.open_locked(folder.with_name(f".{folder.name}.lock"), wait=True):
        yield


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


def older_span(decision: Decision, span: int | None, served: str | None) -> Decision:
    """Keeps a good model from taking the place of one that has seen newer data, as one of a backfilled span would.

    Args:
        decision: about the model by itself.
        span: of its data; None if that did not come in spans.
        served: folder of the version that is served; None if there is none.
    """
    served_span = read_span(served) if served else None
    if not decision.passed or span is None or served_span is None or span >= served_span:
        return decision
    why = (
        f"The model is good enough ({decision.why.rstrip('.')}), but its data ends with span {span}, and that of the model in "
        f"{served} with span {served_span}: nothing was pushed. To go back to older data, remove that version first."
    )
    return Decision(decision="unchanged", why=why, findings=decision.findings)
