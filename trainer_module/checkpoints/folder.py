"""The folder of a training: its checkpoints, what its evaluations have found, summaries. It outlives every attempt.

TFX deletes the outputs of a Trainer that failed, checkpoints with them. Here they lie in `checkpoints/<fingerprint>/`: whoever
runs the same training again finds them there.
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
from trainer_module.files import lock
from trainer_module.files.lock import FolderInUseError as FolderInUseError
from trainer_module.files.paths import is_remote

_log = logging.getLogger(__name__)

_FRESH = "fresh"
_EVENTS = "events.out.tfevents."
# What says whose a folder is: that does not change when its training begins anew.
_OF_THE_FOLDER = (lock.FILE, prune.MARK)


@contextmanager
def held(path: str, owner: str = "") -> Iterator[int | None]:
    """Creates the folder of a training and keeps it to this process and its children.

    Args:
        path: the folder.
        owner: see `prune.mark`.

    Yields:
        The lock's descriptor, for children to inherit; None on a remote file system, where nothing can be locked.

    Raises:
        FolderInUseError: another process has it.
    """
    if is_remote(path):
        _log.warning("A folder like %s cannot be locked: take care that one process trains in it.", path)
        tf.io.gfile.makedirs(path)
        prune.mark(path, owner)
        yield None
        return
    with lock.held(path) as file:
        prune.mark(path, owner)
        yield file.fileno()


def choose(path: str, most: int, fresh: str) -> str:
    """Returns the folder of a training: of all that trainings of its fingerprint have, the one that is furthest.

    One that is too far is none to go on from: a shorter training than it has a folder of its own, `path`-2 and so on.

    Args:
        path: of the first such training.
        most: the last global step that this training may end at.
        fresh: see `prepare`; the folder where that run has begun comes before others.
    """
    used = _alike(path)
    fit = [each for each in used if checkpoints.step_of(each) <= most]
    if fit:
        return max(fit, key=lambda each: (bool(fresh) and _begun_by(each) == fresh, checkpoints.step_of(each)))
    return path if not used else next(each for n in itertools.count(2) if (each := f"{path}-{n}") not in used)


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
    if fresh and _begun_by(path) != fresh:
        _empty(path)
        with tf.io.gfile.GFile(posixpath.join(path, _FRESH), "w") as file:
            file.write(fresh)
    checkpoints.fall_back(path)
    step = checkpoints.step_of(path)
    if step:
        evaluations.forget_after(step)
        _log.info("The training in %s goes on from step %d.", path, step)
    return step


def copy_events(path: str, destination: str) -> None:
    """Copies the TensorBoard summaries of a training, each to the same place below `destination`."""
    for name in names_below(path):
        if posixpath.basename(name).startswith(_EVENTS):
            copy(path, name, destination)


def names_below(path: str) -> list[str]:
    """Returns the paths of all files below a folder, seen from there."""
    # Not by way of "./": in object storage that would be part of a name.
    found = (posixpath.join(parent, name) for parent, _, names in tf.io.gfile.walk(path) for name in names)
    return [posixpath.relpath(file, path) for file in found]


def copy(path: str, name: str, destination: str) -> None:
    """Copies a file below a folder to the same place below another one."""
    target = posixpath.join(destination, name)
    tf.io.gfile.makedirs(posixpath.dirname(target))
    tf.io.gfile.copy(posixpath.join(path, name), target, overwrite=True)


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
            prune.remove(posixpath.join(path, name))
    for name in ("export", checkpoints.BROKEN):
        prune.remove(posixpath.join(path, name))
    prune.prune(path, keep)


def _alike(path: str) -> list[str]:
    """Returns the folders of a fingerprint's trainings that there are."""
    root, first = posixpath.split(path)
    names = (name.rstrip("/") for name in (tf.io.gfile.listdir(root) if tf.io.gfile.isdir(root) else ()))
    return [posixpath.join(root, name) for name in sorted(names) if re.fullmatch(rf"{re.escape(first)}(-\d+)?", name)]


def _begun_by(path: str) -> str:
    """Returns what identifies the run that began a training anew, "" if none did."""
    mark = posixpath.join(path, _FRESH)
    if not tf.io.gfile.exists(mark):
        return ""
    with tf.io.gfile.GFile(mark) as file:
        return str(file.read())


def _empty(path: str) -> None:
    for name in tf.io.gfile.listdir(path):
        if name.rstrip("/") not in _OF_THE_FOLDER:
            prune.remove(posixpath.join(path, name))
