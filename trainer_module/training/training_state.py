"""Where a training stands, by what is on disk: the one thing that all its processes see, on this machine or on many."""

from __future__ import annotations

import posixpath

import tensorflow as tf

from data import TASKS, discovery
from trainer_module.checkpoints import checkpoints
from trainer_module.checkpoints.evaluations import Evaluations
from trainer_module.training import job as jobs
from trainer_module.training.job import Job

# The folder of a cluster's own files, inside that of the training.
FOLDER = "cluster"
# The checkpoint that is being evaluated, in there.
HELD = "evaluated"
_LEFT = "left"


def job_file(job: Job) -> str:
    """Returns where the job of a training is written, for processes that are to take part in it, here or elsewhere."""
    return posixpath.join(job.folder, FOLDER, jobs.FILE)


class Outcome:
    """What a training has come to.

    Attributes:
        evaluations: its record.
    """

    def __init__(self, job: Job) -> None:
        self._folder, self._settings = job.folder, job.settings
        best = job.settings.best
        self.evaluations = Evaluations(job.folder, best, TASKS[discovery.dataset(job.dataset).task].metrics[best])

    def step(self) -> int:
        """Returns the global step of the newest checkpoint, 0 if there is none.

        It is the one in its name. With parameter servers the checkpoint holds a few more: those taken while it was written.
        """
        return checkpoints.step_of(self._folder)

    def evaluated_step(self) -> int:
        """Returns the same of the newest checkpoint that was evaluated."""
        last = self.evaluations.read().last
        return int(last.checkpoint.rpartition("-")[2]) if last else 0

    def evaluated(self) -> bool:
        """Whether the newest checkpoint was evaluated. It was then exported, too, if it was one to export."""
        return 0 < self.step() <= self.evaluated_step()

    def complete(self) -> bool:
        """Whether there is nothing left to train: it is at its last step, or the stop rule wants no more."""
        return self.step() >= self._settings.steps or (self.evaluated() and self.evaluations.stalled(self._settings.patience))

    def over(self) -> bool:
        """Whether all is done: nothing is left to train, nobody will write another checkpoint, and the last one was evaluated.

        When the stop rule ends a training, the chief sees that at its next checkpoint, which has to be evaluated in turn.
        """
        return self.evaluated() and self.complete() and (self.step() >= self._settings.steps or self._left_at() == self.step())

    def leave(self) -> None:
        """Says that whoever writes checkpoints has written the last one."""
        path = self._mark()
        tf.io.gfile.makedirs(posixpath.dirname(path))
        with tf.io.gfile.GFile(path, "w") as file:
            file.write(str(self.step()))

    def fall_back(self) -> None:
        """Makes the newest checkpoint that can be read the newest one. To be called while nobody writes any."""
        checkpoints.fall_back(self._folder)
        if not self.step():
            self.evaluations.clear()
        elif self.step() < self.evaluated_step():
            self.evaluations.rewind(self.step())

    def tidy(self) -> None:
        """Removes what processes that were ended have left: a checkpoint being evaluated, and the summaries of workers.

        (MultiWorkerMirroredStrategy has every worker write summaries, lest the chief waits for one in which they take part.)
        """
        for pattern in ("tmp_*", posixpath.join(FOLDER, HELD)):
            for path in tf.io.gfile.glob(posixpath.join(self._folder, pattern)):
                tf.io.gfile.rmtree(path)

    def _left_at(self) -> int | None:
        if not tf.io.gfile.exists(self._mark()):
            return None
        with tf.io.gfile.GFile(self._mark()) as file:
            step = file.read()
        return int(step) if step.isdecimal() else None

    def _mark(self) -> str:
        return posixpath.join(self._folder, FOLDER, _LEFT)
