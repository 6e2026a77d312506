"""Removes old folders of trainings. Only a folder whose mark names this owner may be removed."""

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
# A folder that is being removed is renamed first: the same training, started meanwhile, gets a new folder.
_REMOVED = ".removed"
_NAME = re.compile(rf"[0-9a-f]{{16}}(-\d+)?({re.escape(_REMOVED)})?")


def mark(path: str, owner: str) -> None:
    """Marks a folder as that of a training, and writes its owner into the mark.

    Args:
        path: the folder, locked by this process.
        owner: identifies one of the pipelines that share a root folder. Each removes only its own trainings.
    """
    if owner_of(path) == owner:
        return
    atomic.write(posixpath.join(path, MARK), json.dumps({"owner": owner}))


def owner_of(path: str) -> str | None:
    """Returns the owner in the mark of a folder, None if there is no valid mark."""
    try:
        with tf.io.gfile.GFile(posixpath.join(path, MARK)) as file:
            return str(json.loads(file.read())["owner"])
    except (tf.errors.OpError, ValueError, LookupError, TypeError):
        return None


def prune(path: str, keep: int) -> None:
    """Removes the folders of other trainings of the same owner, the least recently written ones first.

    A folder that is in use stays. A folder that cannot be removed stays too; this is logged and is not an error. On a remote
    file system all folders stay, because nothing shows whether one is in use.

    Args:
        path: the folder of the finished training.
        keep: number of other trainings to keep.
    """
    owner = owner_of(path)
    if owner is None or is_remote(path):
        return
    own_folders = [sibling for sibling in _sibling_folders(path) if owner_of(sibling) == owner]
    half_removed = [sibling for sibling in own_folders if sibling.endswith(_REMOVED)]
    old = sorted((sibling for sibling in own_folders if sibling not in half_removed), key=_last_written, reverse=True)[keep:]
    for folder in [*half_removed, *old]:
        try:
            with suppress(lock.FolderInUseError):
                _remove(folder)
        except (OSError, tf.errors.OpError) as error:
            _log.warning("The checkpoints of an earlier training cannot be removed from %s: %s", folder, error)


def _sibling_folders(path: str) -> list[str]:
    root = posixpath.dirname(path)
    names = [name.rstrip("/") for name in tf.io.gfile.listdir(root)]
    return [posixpath.join(root, name) for name in names if _NAME.fullmatch(name) and name != posixpath.basename(path)]


def _last_written(path: str) -> float:
    """Returns the newest modification time of the files directly in a folder, in nanoseconds; infinity if it is changing."""
    try:
        return max(tf.io.gfile.stat(posixpath.join(path, name)).mtime_nsec for name in tf.io.gfile.listdir(path))
    except tf.errors.OpError:
        return math.inf


def _remove(path: str) -> None:
    with lock.held(path, create=False):
        _log.info("Removes the checkpoints of an earlier training, in %s.", path)
        renamed = path if path.endswith(_REMOVED) else path + _REMOVED
        if renamed != path:
            tf.io.gfile.rename(path, renamed)
        for name in tf.io.gfile.listdir(renamed):
            if name != MARK:  # removed last, so that the mark still names the owner if this process is killed
                remove(posixpath.join(renamed, name))
        tf.io.gfile.rmtree(renamed)


def remove(path: str) -> None:
    """Removes a file, or a folder with its content. Does nothing if it does not exist."""
    if tf.io.gfile.isdir(path):
        tf.io.gfile.rmtree(path)
    elif tf.io.gfile.exists(path):
        tf.io.gfile.remove(path)
