"""Where a training stands, read from the files in its folder: all its processes see those, on one machine or on many."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

import tensorflow as tf

from data import TASKS, discovery
from trainer_module.checkpoints import checkpoints
from trainer_module.checkpoints.evaluations import Evaluations
from trainer_module.training import job as jobs
from trainer_module.training.job import Job

# The cluster's own files lie in this folder, inside the training's.
FOLDER = "cluster"
# In there: the checkpoint that is being evaluated.
HELD = "evaluated"
# In there: the step of the last checkpoint, written when no process will write another one.
_LAST_CHECKPOINT = "last_checkpoint"


def job_file(job: Job) -> str:
    """Returns the path of a training's job: processes that take part in it, here or on another machine, read it."""
    return posixpath.join(job.folder, FOLDER, jobs.FILE)


@dataclass(frozen=True)
class Snapshot:
    """Where a training stands at one moment.

    Attributes:
        step: global step of the newest checkpoint, from its name; 0 if there is none. With parameter servers the checkpoint
            itself holds a few more steps: those taken while it was written.
        evaluated_step: the same of the newest checkpoint that was evaluated.
        complete: nothing is left to train: the training is at its last step, or the stop rule ends it.
        finished: `complete`, no process will write another checkpoint, and the last one was evaluated and exported.
    """

    step: int
    evaluated_step: int
    complete: bool
    finished: bool

    @property
    def evaluated(self) -> bool:
        """Whether the newest checkpoint was evaluated, and then exported if its evaluation calls for an export."""
        return 0 < self.step <= self.evaluated_step


class TrainingState:
    """The state of a training on disk.

    Attributes:
        evaluations: of the training.
    """

    def __init__(self, job: Job) -> None:
        """`job`: what is trained, with its folder."""
        self._folder, self._settings = job.folder, job.settings
        best = job.settings.best
        self.evaluations = Evaluations(job.folder, best, TASKS[discovery.dataset(job.dataset).task].metrics[best])

    def read(self) -> Snapshot:
        """Returns where the training stands. Reads each file at most once: on object storage every read is a round trip."""
        step, evaluations = checkpoints.step_of(self._folder), self.evaluations.read()
        evaluated_step = checkpoints.step_in(evaluations.last.checkpoint) if evaluations.last else 0
        evaluated = 0 < step <= evaluated_step
        at_last_step = step >= self._settings.steps
        complete = at_last_step or (evaluated and evaluations.out_of_patience(self._settings.patience))
        # When the stop rule ends a training, the chief sees that at its next checkpoint, which must be evaluated in turn.
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
        """Removes what killed processes have left: a checkpoint that was being evaluated, and the summaries of workers.

        (With MultiWorkerMirroredStrategy every worker writes summaries, because computing one can take all of them.)
        """
        for pattern in ("tmp_*", posixpath.join(FOLDER, HELD)):
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
