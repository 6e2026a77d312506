"""What all trials of a search have in common, and from it the task of each."""

from __future__ import annotations

import functools
import logging
import math
import posixpath
import tempfile
from dataclasses import dataclass, replace
from typing import Any

import keras_tuner as kt
import tensorflow as tf
from keras_tuner.engine.trial import Trial
from msgspec import structs

from data import TASKS, discovery
from data.tasks import Direction
from trainer_module import fingerprint
from trainer_module.checkpoints import checkpoints, evaluations
from trainer_module.estimators import hyperparameters
from trainer_module.files import json_file
from trainer_module.training.job import Job
from trainer_module.training.settings import Cluster
from trainer_module.tuning import hyperband, space, trial
from trainer_module.tuning.settings import TuneSettings

_log = logging.getLogger(__name__)

LOG = "trial.log"
_TRAINING = "training"
# The newest one, and one before it, should the newest be cut off.
_KEEP_CHECKPOINTS = 2


@dataclass(frozen=True)
class SearchSpec:
    """A search.

    Attributes:
        job: that of every trial, but for the folder, the steps, and the hyper-parameters: these are the ones that are fixed.
        tuning: how to search.
        root: folder of all searches.
    """

    job: Job
    tuning: TuneSettings
    root: str

    @property
    def objective(self) -> str:
        """Name of the metric."""
        return self.tuning.objective or self.job.settings.best

    @property
    def direction(self) -> Direction:
        """Which way it gets better."""
        return TASKS[discovery.dataset(self.job.dataset).task].metrics[self.objective]

    @property
    def best_counts(self) -> bool:
        """Whether a trial is worth its best evaluation, or its last: that of the checkpoint that a training hands on."""
        return self.job.settings.export == "best"

    @property
    def steps(self) -> int:
        """The most that a trial gets."""
        return self.tuning.steps or self.job.settings.steps

    @functools.cached_property
    def folder(self) -> str:
        """Of the search; it outlives the attempt."""
        return posixpath.join(self.root, self.fingerprint())

    def searched(self) -> kt.HyperParameters:
        """Returns the search space."""
        return space.searched(self.job.model, self.job.hyperparameters)

    def fingerprint(self) -> str:
        """Hashes what determines what is tried and what comes of it; not how many trials, nor how many at a time."""
        tuning = {name: value for name, value in structs.asdict(self.tuning).items() if name not in ("trials", "parallel")}
        return fingerprint.settings(
            training=replace(self.job, settings=structs.replace(self.job.settings, best=self.objective)).fingerprint(),
            patience=self.job.settings.patience,
            best_counts=self.best_counts,
            space=self.searched().get_config()["space"],
            **{**tuning, "steps": self.steps, "objective": self.objective},
        )

    def folder_of(self, trial_id: str) -> str:
        """Returns the folder of a trial."""
        return posixpath.join(self.folder, f"trial_{trial_id}")

    def training_of(self, trial_id: str) -> str:
        """Returns the folder of a trial's checkpoints."""
        return posixpath.join(self.folder_of(trial_id), _TRAINING)

    def steps_of(self, chosen: Trial) -> int:
        """Returns the step at which a trial ends."""
        return chosen.hyperparameters.values.get(hyperband.BUDGET, self.steps)

    def task(self, chosen: Trial) -> trial.TrialSpec:
        """Returns what a trial is to do."""
        settings = structs.replace(
            self.job.settings,
            steps=self.steps_of(chosen),
            best=self.objective,
            export="final",  # nobody asks for the model of a trial
            checkpoint_steps=math.ceil(self.steps / self.tuning.evaluations),
            eval_seconds=0,  # every checkpoint is evaluated
            keep_checkpoints=_KEEP_CHECKPOINTS,
            fresh_run_id="",
            cluster=Cluster(),
        )
        values = hyperparameters.resolve(self.job.model, space.model_values(chosen.hyperparameters.values)).values
        watched = self.tuning.stop_early and self.tuning.oracle != "hyperband"
        return trial.TrialSpec(
            job=replace(self.job, hyperparameters=values, folder=self.training_of(chosen.trial_id), settings=settings),
            direction=self.direction,
            rivals=self.folder if watched else None,
        )

    def prepare(self, chosen: Trial) -> None:
        """Makes the folder of a trial, which is held, ready for its process."""
        task = self.task(chosen)
        json_file.write(posixpath.join(self.folder_of(chosen.trial_id), trial.TASK), task)
        past = chosen.hyperparameters.values.get(hyperband.CONTINUES)
        if past is not None and not checkpoints.step_of(task.job.folder):
            self._inherit(past, chosen.trial_id)

    def _inherit(self, past: str, heir: str) -> None:
        """Gives a trial what another one has trained: its newest checkpoint, its best one, its evaluations."""
        source, target = self.training_of(past), self.training_of(heir)
        newest = tf.train.latest_checkpoint(source)
        if newest is None:
            _log.warning("Trial %s was to go on from trial %s, which has no checkpoint: it begins at the start.", heir, past)
            return
        curve = trial.read(self.folder_of(past)).curve
        json_file.write(posixpath.join(self.folder_of(heir), trial.REPORT), trial.TrialReport(curve=curve))
        for pattern in (f"{newest}.*", posixpath.join(source, evaluations.FILE), posixpath.join(source, evaluations.BEST, "*")):
            for path in tf.io.gfile.glob(pattern):
                copy = posixpath.join(target, posixpath.relpath(path, source))
                tf.io.gfile.makedirs(posixpath.dirname(copy))
                tf.io.gfile.copy(path, copy, overwrite=True)
        # Last: cut off before it, the trial has no checkpoint, and all is copied again.
        checkpoints.point_to(target, [posixpath.basename(newest)])


def log_of(folder: str) -> str:
    """Returns the file that the processes of a trial write to: in its folder, or, if that is remote, on this machine."""
    scheme, _, path = folder.rpartition("://")
    return posixpath.join(tempfile.gettempdir() if scheme else "", path, LOG)


def values_of(chosen: Trial) -> dict[str, Any]:
    """Returns the model's own values of a trial."""
    return space.model_values(chosen.hyperparameters.values)
