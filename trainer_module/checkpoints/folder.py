"""The folder of a training: checkpoints, evaluations, exports, summaries. It stays when a process or a run fails.

TFX deletes the outputs of a failed Trainer, checkpoints included. These folders lie outside, in `checkpoints/<fingerprint>/`. A
later run of the same training continues from there.
"""

from __future__ import annotations

import itertools
import logging
import posixpath
import re
from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from trainer_module.checkpoints import checkpoints, prune
from trainer_module.checkpoints.evaluations import Evaluations
from trainer_module.files import atomic, lock
from trainer_module.files.lock import FolderInUseError as FolderInUseError
from trainer_module.files.paths import is_remote

_log = logging.getLogger(__name__)

_FRESH = "fresh"
_EVENTS = "events.out.tfevents."
# These files say who owns a folder. They stay when a training starts from the beginning.
_OF_THE_FOLDER = (lock.FILE, prune.MARK)


@contextmanager
def held(path: str, owner: str = "") -> Iterator[int | None]:
    """Creates the folder of a training and locks it for this process and its children.

    Args:
        path: the folder.
        owner: see `prune.mark`.

    Yields:
        The lock's file descriptor, for children to inherit; None on a remote file system, which has no locks.

    Raises:
        FolderInUseError: another process holds the lock.
    """
    if is_remote(path):
        _log.warning("The folder %s is remote and cannot be locked. Make sure that only one process trains in it.", path)
        tf.io.gfile.makedirs(path)
        prune.mark(path, owner)
        yield None
        return
    with lock.held(path) as file:
        prune.mark(path, owner)
        yield file.fileno()


def choose(first_folder: str, max_step: int, fresh_run_id: str) -> str:
    """Picks the folder to train in: the one with the highest step among those of this fingerprint with at most `max_step`.

    If all of them are beyond `max_step`, returns the next free name (`<first_folder>-2`, ...): a shorter training cannot
    continue from a longer one.

    Args:
        first_folder: the folder of the first training with this fingerprint.
        max_step: the last global step at which this training may end.
        fresh_run_id: see `prepare`; a folder that this run has emptied is preferred to all others.
    """
    folders = _folders_of_fingerprint(first_folder)
    steps = {folder: checkpoints.step_of(folder) for folder in folders}
    usable = [folder for folder in folders if steps[folder] <= max_step]
    if usable:
        return max(usable, key=lambda folder: (bool(fresh_run_id) and _fresh_run_of(folder) == fresh_run_id, steps[folder]))
    if not folders:
        return first_folder
    return next(name for n in itertools.count(2) if (name := f"{first_folder}-{n}") not in folders)


def prepare(path: str, evaluations: Evaluations, fresh_run_id: str) -> int:
    """Prepares a locked folder for a training: empties it for a fresh run, moves unreadable checkpoints to `broken/`.

    Args:
        path: the folder.
        evaluations: the evaluations of the training.
        fresh_run_id: if not empty, identifies a fresh run: files of other runs are removed. A retry of that run
            finds its own checkpoints.

    Returns:
        The global step from which the training continues; 0 for a training from the start.
    """
    if fresh_run_id and _fresh_run_of(path) != fresh_run_id:
        _empty(path)
        with tf.io.gfile.GFile(posixpath.join(path, _FRESH), "w") as file:
            file.write(fresh_run_id)
    checkpoints.fall_back(path)
    step = checkpoints.step_of(path)
    if step:
        evaluations.forget_after(step)
        _log.info("The training in %s continues from step %d.", path, step)
    return step


def copy_events(path: str, destination: str) -> None:
    """Copies the TensorBoard summaries of a training to the same relative paths below `destination`."""
    for name in names_below(path):
        if posixpath.basename(name).startswith(_EVENTS):
            copy(path, name, destination)


def names_below(path: str) -> list[str]:
    """Returns the paths of all files below a folder, relative to it, except hidden files of interrupted writes."""
    # Without "./": in object storage that would be a part of the name.
    files = ((parent, name) for parent, _, names in tf.io.gfile.walk(path) for name in names)
    return [posixpath.relpath(posixpath.join(parent, name), path) for parent, name in files if not atomic.is_leftover(name)]


def copy(path: str, name: str, destination: str) -> None:
    """Copies the file at a relative path of one folder to the same relative path of another one."""
    target = posixpath.join(destination, name)
    tf.io.gfile.makedirs(posixpath.dirname(target))
    tf.io.gfile.copy(posixpath.join(path, name), target, overwrite=True)


def tidy(path: str, keep: int) -> None:
    """Removes files that a finished training no longer needs, and the oldest folders of other trainings.

    Keeps the newest checkpoint (a training of more steps continues from it), the best one, evaluations and summaries.

    Args:
        path: the folder, locked by this process.
        keep: number of folders of other trainings to keep.
    """
    newest = tf.train.latest_checkpoint(path)
    if newest:
        checkpoints.point_to(path, [posixpath.basename(newest)])
    for name in tf.io.gfile.listdir(path):
        old = re.match(r"model\.ckpt-\d+(?=[._])", name)
        if old and newest and old[0] != posixpath.basename(newest):
            prune.remove(posixpath.join(path, name))
    for name in ("export", checkpoints.BROKEN):
        prune.remove(posixpath.join(path, name))
    prune.prune(path, keep)


def _folders_of_fingerprint(first_folder: str) -> list[str]:
    """Returns the existing folders of a fingerprint: `first_folder`, `first_folder`-2, ..."""
    root, first = posixpath.split(first_folder)
    names = (name.rstrip("/") for name in (tf.io.gfile.listdir(root) if tf.io.gfile.isdir(root) else ()))
    return [posixpath.join(root, name) for name in sorted(names) if re.fullmatch(rf"{re.escape(first)}(-\d+)?", name)]


def _fresh_run_of(path: str) -> str:
    """Returns the id of the run that emptied a folder and started its training; "" if no run did."""
    mark = posixpath.join(path, _FRESH)
    if not tf.io.gfile.exists(mark):
        return ""
    with tf.io.gfile.GFile(mark) as file:
        return str(file.read())


def _empty(path: str) -> None:
    for name in tf.io.gfile.listdir(path):
        if name.rstrip("/") not in _OF_THE_FOLDER:
            prune.remove(posixpath.join(path, name))
