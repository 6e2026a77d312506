"""Which folders of trainings may go: those that say themselves that they are trainings, and whose."""

from __future__ import annotations

import json
import logging
import math
import posixpath
import re
from contextlib import suppress

import tensorflow as tf

from trainer_module.files import atomic, lock
from trainer_module.files.paths import is_remote

_log = logging.getLogger(__name__)

MARK = "training.json"
# What is being removed has another name: whoever trains the same meanwhile has a folder of his own.
_REMOVED = ".removed"
_NAME = re.compile(rf"[0-9a-f]{{16}}(-\d+)?({re.escape(_REMOVED)})?")


def mark(path: str, owner: str) -> None:
    """Says in a folder that it is a training's, and whose.

    Args:
        path: the folder, which is held.
        owner: what tells those who use the same root apart: each keeps as many trainings as it wants, and removes none of
            another one's.
    """
    if owner_of(path) == owner:
        return
    atomic.write(posixpath.join(path, MARK), json.dumps({"owner": owner}))


def owner_of(path: str) -> str | None:
    """Returns whose training a folder is, None if it does not say."""
    try:
        with tf.io.gfile.GFile(posixpath.join(path, MARK)) as file:
            return str(json.loads(file.read())["owner"])
    except (tf.errors.OpError, ValueError, LookupError, TypeError):
        return None


def prune(path: str, keep: int) -> None:
    """Removes the trainings beside one that has ended, those of its owner that were not touched for longest.

    One that is in use stays, and so does what cannot be removed: nothing fails because of it. On a remote file system all
    stay, since nobody can tell whether one is in use.

    Args:
        path: the folder of the training.
        keep: how many others stay.
    """
    owner = owner_of(path)
    if owner is None or is_remote(path):
        return
    others = [other for other in _beside(path) if owner_of(other) == owner]
    cut_off = [other for other in others if other.endswith(_REMOVED)]
    old = sorted((other for other in others if other not in cut_off), key=_touched, reverse=True)[keep:]
    for each in [*cut_off, *old]:
        try:
            with suppress(lock.FolderInUseError):
                _remove(each)
        except (OSError, tf.errors.OpError) as error:
            _log.warning("The checkpoints in %s, of an earlier training, stay: %s", each, error)


def _beside(path: str) -> list[str]:
    root = posixpath.dirname(path)
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(root)]
    return [posixpath.join(root, name) for name in names if _NAME.fullmatch(name) and name != posixpath.basename(path)]


def _touched(path: str) -> float:
    """Returns when anything directly in a folder was last written, in nanoseconds; of one that is changing, infinity."""
    try:
        return max(tf.io.gfile.stat(posixpath.join(path, name)).mtime_nsec for name in tf.io.gfile.listdir(path))
    except tf.errors.OpError:
        return math.inf


def _remove(path: str) -> None:
    with lock.held(path, create=False):
        _log.info("The checkpoints in %s, of an earlier training, are removed.", path)
        gone = path if path.endswith(_REMOVED) else path + _REMOVED
        if gone != path:
            tf.io.gfile.rename(path, gone)
        for name in tf.io.gfile.listdir(gone):
            if name != MARK:  # the last to go: cut off before, it is known what this was
                remove(posixpath.join(gone, name))
        tf.io.gfile.rmtree(gone)


def remove(path: str) -> None:
    """Removes a file, or a folder with all that is in it, if it is there."""
    if tf.io.gfile.isdir(path):
        tf.io.gfile.rmtree(path)
    elif tf.io.gfile.exists(path):
        tf.io.gfile.remove(path)
