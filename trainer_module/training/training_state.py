"""The state of a training, read from the files in its folder, which all its processes can read, on any machine."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

import tensorflow as tf

from trainer_module.checkpoints import checkpoints
from trainer_module.training import job as jobs
from trainer_module.training.job import Job

# The folder of the cluster's own files, inside the folder of the training.
FOLDER = "cluster"
# In there: a folder with hard links to the checkpoint that is being evaluated.
EVALUATED_CHECKPOINT = "evaluated"
# File in FOLDER: the step of the last checkpoint, written when no process will write another checkpoint.
_LAST_CHECKPOINT = "last_checkpoint"


def job_file(job: Job) -> str:
    """Returns the path of a training's job.json. All processes of the training read it, here and on other machines."""
    return posixpath.join(job.folder, FOLDER, jobs.FILE)


@dataclass(frozen=True)
class Snapshot:
    """The state of a training at one moment.

    Attributes:
        step: global step of the newest checkpoint, from its name; 0 if there is none. With parameter servers the checkpoint
            itself may hold a few more steps, which were taken while it was written.
        evaluated_step: the same for the newest evaluated checkpoint.
        complete: whether the training has reached its last step, or the stop rule has ended it.
        finished: whether it is `complete`, no further checkpoint will be written, and the last one is evaluated and exported.
    """

    step: int
    evaluated_step: int
    complete: bool
    finished: bool

    @property
    def evaluated(self) -> bool:
        """Whether the newest checkpoint was evaluated (and then exported, if an export was due)."""
        return 0 < self.step <= self.evaluated_step


class TrainingState:
    """The state of a training on disk.

    Attributes:
        evaluations: the evaluations of the training.
    """

    def __init__(self, job: Job) -> None:
        """`job`: the training, with its folder."""
        self._folder, self._settings = job.folder, job.settings
        self.evaluations = job.evaluations

    def read(self) -> Snapshot:
        """Returns the state now. Reads each file at most once: on object storage every read is a round trip."""
        step, evaluations = checkpoints.step_of(self._folder), self.evaluations.read()
        evaluated_step = checkpoints.step_in(evaluations.last.checkpoint) if evaluations.last else 0
        evaluated = 0 < step <= evaluated_step
        at_last_step = step >= self._settings.steps
        complete = at_last_step or (evaluated and evaluations.out_of_patience(self._settings.patience))
        # When the stop rule ends a training, the chief notices it at its next checkpoint. That one must be evaluated too.
        finished = evaluated and complete and (at_last_step or self._last_checkpoint() == step)
        return Snapshot(step, evaluated_step, complete, finished)

    def mark_last_checkpoint(self) -> None:
        """Records that the newest checkpoint is the last one: the process that writes checkpoints has ended its training."""
        tf.io.gfile.makedirs(posixpath.dirname(self._mark))
        with tf.io.gfile.GFile(self._mark, "w") as file:
            file.write(str(checkpoints.step_of(self._folder)))

    def fall_back(self) -> None:
        """Makes the newest readable checkpoint the newest one. Call it only while no process writes checkpoints."""
        checkpoints.fall_back(self._folder)
        state = self.read()
        if not state.step:
            self.evaluations.clear()
        elif state.step < state.evaluated_step:
            self.evaluations.forget_after(state.step)

    def tidy(self) -> None:
        """Removes the files of killed processes: a checkpoint that was being evaluated, and the summaries of workers.

        (With MultiWorkerMirroredStrategy every worker writes summaries, because computing one can take all of them.)
        """
        for pattern in ("tmp_*", posixpath.join(FOLDER, EVALUATED_CHECKPOINT)):
            for path in tf.io.gfile.glob(posixpath.join(self._folder, pattern)):
                tf.io.gfile.rmtree(path)

    def _last_checkpoint(self) -> int | None:
        if not tf.io.gfile.exists(self._mark):
            return None
        with tf.io.gfile.GFile(self._mark) as file:
            step = file.read()
        return int(step) if step.isdecimal() else None

    @property
    def _mark(self) -> str:
        return posixpath.join(self._folder, FOLDER, _LAST_CHECKPOINT)
