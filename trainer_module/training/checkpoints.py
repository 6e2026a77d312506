"""Checkpoints: when they are written while a training runs, and which of them can be read."""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from trainer_module.training.cadence import Cadence
from trainer_module.training.watch import Control

_log = logging.getLogger(__name__)

_PREFIX = "model.ckpt-"
# Where checkpoints that cannot be read are put, until their training has ended.
BROKEN = "broken"
_PIECE = 2**20  # bytes read at a time


class CheckpointHook(tf.compat.v1.train.CheckpointSaverHook):
    """Saves, has the checkpoint evaluated, stops: each when it is time.

    It takes the place of the hook that an Estimator adds by itself (an Estimator looks for this class), which saves once
    more what it has just restored, knows nothing of what saving costs, and cannot save when a process is asked to end.
    """

    def __init__(self, folder: str, cadence: Cadence, control: Control, stalled: Callable[[], bool]) -> None:
        """`stalled`: whether the stop rule, which reads what the evaluations have found, wants the training to end."""
        super().__init__(folder, save_steps=1, save_graph_def=False)  # never asked: `cadence` decides
        self._folder = folder
        self._cadence = cadence
        self._control = control
        self._stalled = stalled

    def after_create_session(self, session: tf.compat.v1.Session, coord: object) -> None:
        """Saves the state before the first step, unless it has just been restored."""
        step = int(session.run(self._global_step_tensor))
        self._summary_writer.add_graph(tf.compat.v1.get_default_graph())
        self._saved = step
        if tf.train.latest_checkpoint(self._folder) != posixpath.join(self._folder, f"{_PREFIX}{step}"):
            self._get_saver().save(session, self._save_path, global_step=step, write_meta_graph=False)
        for listener in self._listeners:  # train_and_evaluate's passes over the first call: nothing has been trained yet
            listener.after_save(session, step)
        self._cadence.begin(step)
        self._control.leave()

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Looks whether it is time for something."""
        self._control.beat()
        at_least = int(run_values.results)  # what was fetched may be the step before this one's update
        if self._control.stopping:
            self._save(run_context.session, self._step(run_context.session))
            self._control.leave()
        if self._cadence.checkpoint_due(at_least + 1):
            step = self._step(run_context.session)
            if self._cadence.checkpoint_due(step) and self._save_and_evaluate(run_context.session, step):
                run_context.request_stop()

    def end(self, session: tf.compat.v1.Session) -> None:
        """Saves and evaluates the last step."""
        step = self._step(session)
        self._save(session, step)
        self._control.leave()
        with self._cadence.evaluating(last=True):
            for listener in self._listeners:
                listener.end(session, step)
        _log.info(
            "%.1f s in steps, %.1f s in checkpoints, evaluations and exports.", self._cadence.stepping, self._cadence.spent
        )

    def _save_and_evaluate(self, session: tf.compat.v1.Session, step: int) -> bool:
        """Returns whether the training is to stop."""
        self._save(session, step)
        self._control.leave()
        answers: list[bool | None] = []
        if self._listeners and self._cadence.evaluation_due():
            with self._cadence.evaluating():
                answers += [listener.after_save(session, step) for listener in self._listeners]
        return any(answers) or self._stalled()

    def _save(self, session: tf.compat.v1.Session, step: int) -> None:
        if step == self._saved:
            return
        with self._cadence.saving(step):
            self._get_saver().save(session, self._save_path, global_step=step, write_meta_graph=False)
        self._saved = step
        self._control.beat()

    def _step(self, session: tf.compat.v1.Session) -> int:
        return int(session.run(self._global_step_tensor))


class BudgetHook(tf.estimator.SessionRunHook):
    """In an evaluation on the way: gives it up when it takes more than may be spent."""

    def __init__(self, cadence: Cadence) -> None:
        self._cadence = cadence

    def before_run(self, run_context: Any) -> None:
        """Looks before every batch."""
        self._cadence.check()


def step_of(folder: str) -> int:
    """Returns the global step of the newest checkpoint in a folder, 0 if there is none."""
    checkpoint = tf.train.latest_checkpoint(folder)
    # From its name: it may be cut off.
    return int(checkpoint.rpartition("-")[2]) if checkpoint else 0


def fall_back(folder: str) -> None:
    """Makes the newest checkpoint that can be read the newest one, with a warning if it was not.

    A process or a disk that dies while a checkpoint is written can leave one that is cut off. Every checkpoint is read
    once, whole: its checksums are checked on the way. One that cannot be read is put aside, into `broken/`.

    Raises:
        tf.errors.OpError: the storage cannot be read; nothing is known of the checkpoint then.
    """
    names = _newest_first(folder)
    good = next((name for name in names if readable(posixpath.join(folder, name))), None)
    latest = tf.train.latest_checkpoint(folder)
    if good is not None and latest and posixpath.basename(latest) == good:
        return
    broken = names[: names.index(good)] if good else names
    for name in broken:
        _log.warning("The checkpoint %s in %s cannot be read and is put aside, into %s/.", name, folder, BROKEN)
        _put_aside(folder, name)
    if good:
        _log.warning("The training goes on from the newest checkpoint that can be read, %s.", good)
        point_to(folder, [*reversed(names[names.index(good) :])])
    elif tf.io.gfile.exists(posixpath.join(folder, "checkpoint")):
        tf.io.gfile.remove(posixpath.join(folder, "checkpoint"))


def readable(checkpoint: str) -> bool:
    """Whether every variable of a checkpoint can be read.

    Raises:
        tf.errors.OpError: the storage cannot be read.
    """
    if _is_whole(checkpoint):
        return True
    # TensorFlow's reader has one error for all: that of a storage that cannot be reached is that of a file that is cut off.
    for path in tf.io.gfile.glob(f"{checkpoint}.*"):
        _read_through(path)
    return _is_whole(checkpoint)  # now it is not the storage that is to blame


def _is_whole(checkpoint: str) -> bool:
    try:
        reader = tf.compat.v1.train.NewCheckpointReader(checkpoint)  # for load_checkpoint some paths are folders, in memory
        for name in reader.get_variable_to_shape_map():
            reader.get_tensor(name)
    except (tf.errors.OpError, ValueError, RuntimeError, LookupError):  # "Read less bytes" is an IndexError
        return False
    return True


def _read_through(path: str) -> None:
    """Reads a file to its end. Raises tf.errors.OpError, with the storage's own reason, if that is not possible."""
    with tf.io.gfile.GFile(path, "rb") as file:
        while file.read(_PIECE):
            pass


def _put_aside(folder: str, name: str) -> None:
    aside = posixpath.join(folder, BROKEN)
    tf.io.gfile.makedirs(aside)
    for path in tf.io.gfile.glob(posixpath.join(folder, f"{name}.*")):
        tf.io.gfile.rename(path, posixpath.join(aside, posixpath.basename(path)), overwrite=True)


def point_to(folder: str, names: Sequence[str]) -> None:
    """Writes, in one step, which checkpoints a folder has: what `tf.train.latest_checkpoint` reads. Paths are relative.

    Args:
        folder: theirs.
        names: the newest last.
    """
    lines = [f'model_checkpoint_path: "{names[-1]}"', *(f'all_model_checkpoint_paths: "{name}"' for name in names)]
    state = posixpath.join(folder, "checkpoint")
    with tf.io.gfile.GFile(f"{state}.tmp", "w") as file:
        file.write("\n".join(lines) + "\n")
    tf.io.gfile.rename(f"{state}.tmp", state, overwrite=True)


def _newest_first(folder: str) -> list[str]:
    """Returns the names of the checkpoints in a folder; one whose index is there, its data or not."""
    pattern = posixpath.join(folder, f"{_PREFIX}*.index")
    steps = [posixpath.basename(path).removeprefix(_PREFIX).removesuffix(".index") for path in tf.io.gfile.glob(pattern)]
    return [f"{_PREFIX}{step}" for step in sorted((s for s in steps if s.isdigit()), key=int, reverse=True)]
