"""The folder of a training: its checkpoints, what its evaluations have found, summaries. It outlives every attempt.

TFX deletes the outputs of a Trainer that failed, checkpoints with them. Here they lie in `checkpoints/<fingerprint>/`: whoever
runs the same training again finds them there.
"""

from __future__ import annotations

import fcntl
import logging
import os
import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import tensorflow as tf

from trainer_module.training import checkpoints
from trainer_module.training.evaluations import Evaluations

_log = logging.getLogger(__name__)

_LOCK = ".lock"
_FRESH = "fresh"
_EVENTS = "events.out.tfevents.*"


class FolderInUseError(RuntimeError):
    """Another process trains in the folder."""


@contextmanager
def held(path: str) -> Iterator[int | None]:
    """Creates the folder of a training and keeps it to this process and its children.

    The lock is the kernel's, on an open file: it is gone when this process and all children that inherit the file are.

    Yields:
        The file's descriptor, for children to inherit; None on a remote file system, where nothing can be locked.

    Raises:
        FolderInUseError: another process has it.
    """
    tf.io.gfile.makedirs(path)
    if re.match(r"\w+://", path):
        _log.warning("A folder like %s cannot be locked: take care that one process trains in it.", path)
        yield None
        return
    with Path(path, _LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise FolderInUseError(
                f"Process {lock.read().strip()} is training in {path}. Two would spoil each other's checkpoints: "
                "end that one, or wait for it."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock.fileno()


def prepare(path: str, evaluations: Evaluations, fresh: str) -> int:
    """Makes a folder that is held ready for a training.

    Args:
        path: the folder.
        evaluations: of the training.
        fresh: if not empty, what identifies the one run that starts anew: all that others have left is removed. That run
            itself, when it is retried, finds its own checkpoints.

    Returns:
        The global step that the training goes on from, 0 for one from the start.
    """
    mark = posixpath.join(path, _FRESH)
    if fresh and not (tf.io.gfile.exists(mark) and _read(mark) == fresh):
        _empty(path)
        with tf.io.gfile.GFile(mark, "w") as file:
            file.write(fresh)
    checkpoints.fall_back(path)
    step = checkpoints.step_of(path)
    if step:
        evaluations.rewind(step)
        _log.info("The training in %s goes on from step %d.", path, step)
    return step


def copy_events(path: str, destination: str) -> None:
    """Copies the TensorBoard summaries of a training, each to the same place below `destination`."""
    for folder, _, names in tf.io.gfile.walk(path):
        target = posixpath.join(destination, posixpath.relpath(folder, path))
        for name in names:
            if name.startswith(_EVENTS.removesuffix("*")):
                tf.io.gfile.makedirs(target)
                tf.io.gfile.copy(posixpath.join(folder, name), posixpath.join(target, name), overwrite=True)


def tidy(path: str, keep: int) -> None:
    """Removes what a training that has ended does not need to be continued, and the oldest folders of other trainings.

    What stays: the newest checkpoint (more steps go on from it), the best one, the evaluations and the summaries.

    Args:
        path: the folder, held.
        keep: how many folders of other trainings stay.
    """
    newest = tf.train.latest_checkpoint(path)
    if newest:
        checkpoints.point_to(path, [posixpath.basename(newest)])
    for name in tf.io.gfile.listdir(path):
        old = re.match(r"model\.ckpt-\d+(?=[._])", name)
        if old and newest and old[0] != posixpath.basename(newest):
            _remove(posixpath.join(path, name))
    _remove(posixpath.join(path, "export"))
    _prune(posixpath.dirname(path), posixpath.basename(path), keep)


def _prune(root: str, current: str, keep: int) -> None:
    """Removes the folders of trainings that were not touched for longest; one that is in use stays."""
    others = [name.rstrip("/") for name in tf.io.gfile.listdir(root) if name.rstrip("/") != current]
    folders = [p for p in (posixpath.join(root, n) for n in others) if tf.io.gfile.isdir(p)]
    folders.sort(key=_touched, reverse=True)
    for folder in folders[keep:]:
        with suppress(FolderInUseError), held(folder):
            _log.info("The checkpoints in %s, of an earlier training, are removed.", folder)
            tf.io.gfile.rmtree(folder)


def _touched(folder: str) -> int:
    """Returns when anything directly in a folder was last written, in nanoseconds."""
    times = [tf.io.gfile.stat(posixpath.join(folder, name)).mtime_nsec for name in tf.io.gfile.listdir(folder)]
    return max(times, default=0)


def _empty(path: str) -> None:
    for name in tf.io.gfile.listdir(path):
        if name.rstrip("/") != _LOCK:
            _remove(posixpath.join(path, name))


def _remove(path: str) -> None:
    if tf.io.gfile.isdir(path):
        tf.io.gfile.rmtree(path)
    elif tf.io.gfile.exists(path):
        tf.io.gfile.remove(path)


def _read(path: str) -> str:
    with tf.io.gfile.GFile(path) as file:
        return file.read()
