"""Locks between processes of one machine, and of machines that share a disk.

A lock is a kernel lock (`flock`) on an open file. It ends when the process that holds it, and all children that inherited
the file, have ended. Object storage has no locks.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

# The lock file of a folder.
FILE = ".lock"
# Another process may remove a folder while it is being locked. Then it is created again, at most this many times.
_TRIES = 10


class LockedError(RuntimeError):
    """Another process holds a lock.

    Attributes:
        text: content of the lock file; usually it names the holder.
    """

    def __init__(self, path: Path, text: str) -> None:
        super().__init__(f"{path} is locked by another process.")
        self.text = text


class FolderInUseError(RuntimeError):
    """Another process works in a folder."""


def open_locked(path: Path, *, shared: bool = False, wait: bool = False) -> TextIO:
    """Opens a file and locks it. Closing the file ends the lock.

    Args:
        path: path of the lock file. It is created if it does not exist; its folder must exist.
        shared: whether other processes may hold the same lock, if they share it too.
        wait: whether to wait until the lock is free.

    Raises:
        LockedError: the lock is not free, and `wait` is false.
        OSError: the file cannot be opened, or its file system has no locks.
    """
    file = path.open("a+")
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        with file:
            file.seek(0)
            raise LockedError(path, file.read()) from None
    except BaseException:  # the file system has no locks, or a signal arrived while it waited
        file.close()
        raise
    return file


@contextmanager
def held(path: str, *, create: bool = True) -> Iterator[TextIO]:
    """Locks a local folder for this process and its children. The lock file names the process.

    Args:
        path: the folder.
        create: whether to create the folder if it does not exist.

    Yields:
        The open lock file.

    Raises:
        FolderInUseError: another process holds the folder.
        FileNotFoundError: the folder does not exist, and `create` is false.
    """
    with _folder_lock(Path(path), create) as file:
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file


def _folder_lock(folder: Path, create: bool) -> TextIO:
    for _ in range(_TRIES):
        if create:
            folder.mkdir(parents=True, exist_ok=True)
        try:
            file = open_locked(folder / FILE)
        except FileNotFoundError:
            if create:  # another process has removed the folder in between
                continue
            raise
        except LockedError as error:
            raise FolderInUseError(
                f"Process {error.text.strip()} works in {folder}. Two processes would damage each other's files there: "
                "end that one, or wait for it."
            ) from None
        if _is_current(file, folder):
            return file
        file.close()
    raise FolderInUseError(f"Another process removes {folder} again and again. End that process, or wait for it.")


def _is_current(file: TextIO, folder: Path) -> bool:
    """Returns whether a locked file is still the one in its folder. (A process locks a folder before it removes it.)"""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(file.fileno()), (folder / FILE).stat())
    return False
