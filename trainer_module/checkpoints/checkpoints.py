"""Finds the newest checkpoint in a folder, and falls back to the newest readable one."""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Sequence

import tensorflow as tf

from trainer_module.files import atomic

_log = logging.getLogger(__name__)

PREFIX = "model.ckpt-"
# Unreadable checkpoints are moved to this folder. It is removed when their training has ended.
BROKEN = "broken"
_PIECE = 2**20  # bytes per read


def step_of(folder: str) -> int:
    """Returns the global step of the newest checkpoint in a folder, 0 if there is none."""
    checkpoint = tf.train.latest_checkpoint(folder)
    return step_in(checkpoint) if checkpoint else 0


def step_in(checkpoint: str) -> int:
    """Returns the global step in the name of a checkpoint. The checkpoint itself may be truncated."""
    return int(checkpoint.rpartition("-")[2])


def fall_back(folder: str) -> None:
    """Makes the newest readable checkpoint the current one. Logs a warning if that was another one.

    A process or a disk that dies while it writes a checkpoint can leave a truncated one. This reads checkpoints completely,
    which verifies their checksums, from the newest to the first readable one, and moves unreadable ones to `broken/`.

    Raises:
        tf.errors.OpError: the storage cannot be read, so the checkpoint may be intact.
    """
    names = _newest_first(folder)
    readable_name = next((name for name in names if readable(posixpath.join(folder, name))), None)
    latest = tf.train.latest_checkpoint(folder)
    if readable_name is not None and latest and posixpath.basename(latest) == readable_name:
        return
    broken = names[: names.index(readable_name)] if readable_name else names
    for name in broken:
        _log.warning("The checkpoint %s in %s cannot be read. It is moved to %s/.", name, folder, BROKEN)
        _move_to_broken(folder, name)
    if readable_name:
        _log.warning("The training continues from the newest readable checkpoint, %s.", readable_name)
        point_to(folder, [*reversed(names[names.index(readable_name) :])])
    elif tf.io.gfile.exists(posixpath.join(folder, "checkpoint")):
        tf.io.gfile.remove(posixpath.join(folder, "checkpoint"))


def readable(checkpoint: str) -> bool:
    """Whether every variable of a checkpoint is readable.

    Raises:
        tf.errors.OpError: the storage cannot be read, so the checkpoint may be intact.
    """
    if _is_whole(checkpoint):
        return True
    # TensorFlow's reader raises the same error for a truncated file and for storage that does not answer. Reading the bytes
    # fails only if the storage does not answer.
    for path in tf.io.gfile.glob(f"{checkpoint}.*"):
        _read_through(path)
    return _is_whole(checkpoint)  # the storage has answered, so a second failure means a truncated file


def _is_whole(checkpoint: str) -> bool:
    try:
        reader = tf.compat.v1.train.NewCheckpointReader(checkpoint)  # load_checkpoint takes some in-memory paths for folders
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (tf.errors.OpError, ValueError, RuntimeError, LookupError):  # "Read less bytes" is an IndexError
        return False
    return True


def _read_through(path: str) -> None:
    """Reads a file to its end. Raises tf.errors.OpError with the storage's reason if that fails."""
    with tf.io.gfile.GFile(path, "rb") as file:
        while file.read(_PIECE):
            pass


def _move_to_broken(folder: str, name: str) -> None:
    broken_folder = posixpath.join(folder, BROKEN)
    tf.io.gfile.makedirs(broken_folder)
    for path in tf.io.gfile.glob(posixpath.join(folder, f"{name}.*")):
        tf.io.gfile.rename(path, posixpath.join(broken_folder, posixpath.basename(path)), overwrite=True)


def point_to(folder: str, names: Sequence[str]) -> None:
    """Atomically writes the file that `tf.train.latest_checkpoint` reads. Its paths are relative: the folder may be moved.

    Args:
        folder: the folder of the checkpoints.
        names: names of the checkpoints, the newest last.
    """
    lines = [f'model_checkpoint_path: "{names[-1]}"', *(f'all_model_checkpoint_paths: "{name}"' for name in names)]
    state = posixpath.join(folder, "checkpoint")
    atomic.write(state, "\n".join(lines) + "\n")


def _newest_first(folder: str) -> list[str]:
    """Returns the names of the checkpoints in a folder that have an index file, whether or not their data files exist."""
    pattern = posixpath.join(folder, f"{PREFIX}*.index")
    steps = [posixpath.basename(path).removeprefix(PREFIX).removesuffix(".index") for path in tf.io.gfile.glob(pattern)]
    return [f"{PREFIX}{step}" for step in sorted((s for s in steps if s.isdigit()), key=int, reverse=True)]
