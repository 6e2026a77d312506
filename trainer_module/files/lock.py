"""Locks: two processes never work in one folder, and a lock dies with its owner."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

import tensorflow as tf

FILE = ".lock"
# A folder that is removed while it is being locked is made again; nobody removes one that often.
_TRIES = 10


class FolderInUseError(RuntimeError):
    """Another process works in the folder."""


def is_remote(path: str) -> bool:
    """Whether a path is on another file system than the kernel's, where nothing can be locked."""
    return bool(re.match(r"\w+://", path))


@contextmanager
def held(path: str, *, create: bool = True) -> Iterator[TextIO]:
    """Keeps a local folder to this process and its children.

    The lock is the kernel's, on an open file: it is gone when this process and all children that inherit the file are.

    Args:
        path: the folder.
        create: whether it is made if it is not there.

    Yields:
        The open file.

    Raises:
        FolderInUseError: another process has it.
        FileNotFoundError: it is not there, and is not to be made.
    """
    with _locked(path, create) as lock:
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock


def _locked(path: str, create: bool) -> TextIO:
    for _ in range(_TRIES):
        if create:
            tf.io.gfile.makedirs(path)
        try:
            lock = Path(path, FILE).open("a+")  # noqa: SIM115 - the caller closes it
        except FileNotFoundError:
            if create:  # it was removed in between
                continue
            raise
        _lock(lock, path)
        if _is_current(lock, path):
            return lock
        lock.close()
    raise FolderInUseError(f"Another process removes {path} whenever it is made. End that one, or wait for it.")


def _lock(lock: TextIO, path: str) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        owner = lock.read().strip()
        lock.close()
        raise FolderInUseError(
            f"Process {owner} is training in {path}. Two would spoil each other's checkpoints: end that one, or wait for it."
        ) from None


def _is_current(lock: TextIO, path: str) -> bool:
    """Whether a file that is locked is still the one of that name: whoever removed the folder had it locked before."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(lock.fileno()), Path(path, FILE).stat())
    return False
