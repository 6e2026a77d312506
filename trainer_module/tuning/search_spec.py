"""Describes a search, and derives the description of each trial from it."""

from __future__ import annotations

import functools
import logging
import math
import posixpath
from dataclasses import dataclass, replace
from typing import Any

import keras_tuner as kt
import tensorflow as tf
from keras_tuner.engine.trial import Trial
from msgspec import structs

from data.tasks import Direction
from trainer_module import fingerprint
from trainer_module.checkpoints import checkpoints, evaluations
from trainer_module.estimators import hyperparameters
from trainer_module.files.paths import local_log_folder
from trainer_module.training.job import Job
from trainer_module.training.settings import Cluster
from trainer_module.tuning import hyperband, space, trial_files
from trainer_module.tuning.settings import TuneSettings
from trainer_module.tuning.trial_files import TrialReport, TrialSpec

_log = logging.getLogger(__name__)

LOG = "trial.log"
_TRAINING = "training"
# The newest checkpoint, and the one before it in case the newest is incomplete.
_KEEP_CHECKPOINTS = 2


@dataclass(frozen=True)
class SearchSpec:
    """A search.

    Attributes:
        job: the training of every trial, without folder and steps. It has only the fixed hyper-parameters.
        tuning: how to search.
        root: folder of all searches.
    """

    job: Job
    tuning: TuneSettings
    root: str

    @property
    def objective(self) -> str:
        """Name of the metric that makes one trial better than another."""
        return self.tuning.objective or self.job.settings.best

    @property
    def direction(self) -> Direction:
        """In which direction the objective gets better."""
        return self._job_by_objective.direction

    @property
    def counts_best_evaluation(self) -> bool:
        """Whether a trial counts with its best evaluation, not with its last: with the one whose checkpoint is exported."""
        return self.job.settings.export == "best"

    @property
    def steps(self) -> int:
        """The greatest number of steps of a trial."""
        return self.tuning.steps or self.job.settings.steps

    @functools.cached_property
    def folder(self) -> str:
        """Folder of the search. It remains when the search is killed."""
        return posixpath.join(self.root, self.fingerprint())

    @property
    def _job_by_objective(self) -> Job:
        """The training of every trial, with the objective as the metric that decides which checkpoint is the best one."""
        return replace(self.job, settings=structs.replace(self.job.settings, best=self.objective))

    def search_space(self) -> kt.HyperParameters:
        """Returns the search space."""
        return space.searched(self.job.model, self.job.hyperparameters)

    def fingerprint(self) -> str:
        """Returns a hash of everything that decides the values of trials. (The settings `trials` and `parallel` do not.)"""
        tuning = {name: value for name, value in structs.asdict(self.tuning).items() if name not in ("trials", "parallel")}
        return fingerprint.settings(
            training=self._job_by_objective.fingerprint(),
            patience=self.job.settings.patience,
            best_counts=self.counts_best_evaluation,
            space=self.search_space().get_config()["space"],
            **{**tuning, "steps": self.steps, "objective": self.objective},
        )

    def trial_folder(self, trial_id: str) -> str:
        """Returns the folder of a trial."""
        return posixpath.join(self.folder, f"trial_{trial_id}")

    def training_folder(self, trial_id: str) -> str:
        """Returns the folder of a trial's checkpoints."""
        return posixpath.join(self.trial_folder(trial_id), _TRAINING)

    def steps_of(self, kt_trial: Trial) -> int:
        """Returns the global step at which a trial ends."""
        return kt_trial.hyperparameters.values.get(hyperband.BUDGET, self.steps)

    def trial_spec(self, kt_trial: Trial) -> TrialSpec:
        """Returns the description of a trial for its process."""
        settings = structs.replace(
            self.job.settings,
            steps=self.steps_of(kt_trial),
            best=self.objective,
            export="final",  # no model of a trial is used
            checkpoint_steps=math.ceil(self.steps / self.tuning.evaluations),
            eval_seconds=0,  # evaluate every checkpoint
            keep_checkpoints=_KEEP_CHECKPOINTS,
            fresh_run_id="",
            cluster=Cluster(),
        )
        values = hyperparameters.resolve(self.job.model, values_of_trial(kt_trial)).values
        can_stop_early = self.tuning.stop_early and self.tuning.oracle != "hyperband"
        return TrialSpec(
            job=replace(self.job, hyperparameters=values, folder=self.training_folder(kt_trial.trial_id), settings=settings),
            search_folder=self.folder if can_stop_early else None,
        )

    def prepare(self, kt_trial: Trial) -> None:
        """Writes the input of a trial's process. The caller holds the lock on the trial's training folder."""
        spec = self.trial_spec(kt_trial)
        trial_files.write_spec(self.trial_folder(kt_trial.trial_id), spec)
        previous = kt_trial.hyperparameters.values.get(hyperband.CONTINUES)
        if previous is not None and not checkpoints.step_of(spec.job.folder):
            self._copy_training(previous, kt_trial.trial_id)

    def _copy_training(self, from_trial: str, to_trial: str) -> None:
        """Copies the newest checkpoint of a trial, its best one, and its evaluations, so that another trial continues it."""
        source, target = self.training_folder(from_trial), self.training_folder(to_trial)
        newest = tf.train.latest_checkpoint(source)
        if newest is None:
            _log.warning(
                "Trial %s cannot continue trial %s, which has no checkpoint. It starts from step 0.", to_trial, from_trial
            )
            return
        curve = trial_files.read_report(self.trial_folder(from_trial)).curve
        trial_files.write_report(self.trial_folder(to_trial), TrialReport(curve=curve))
        for pattern in (f"{newest}.*", posixpath.join(source, evaluations.FILE), posixpath.join(source, evaluations.BEST, "*")):
            for path in tf.io.gfile.glob(pattern):
                copy = posixpath.join(target, posixpath.relpath(path, source))
                tf.io.gfile.makedirs(posixpath.dirname(copy))
                tf.io.gfile.copy(path, copy, overwrite=True)
        # This comes last: if the process is killed before, the trial has no checkpoint yet, and everything is copied again.
        checkpoints.point_to(target, [posixpath.basename(newest)])


def log_file(folder: str) -> str:
    """Returns the path of a trial's log on this machine, see `trainer_module.files.paths.local_log_folder`."""
    return str(local_log_folder(folder) / LOG)


def values_of_trial(kt_trial: Trial) -> dict[str, Any]:
    """Returns the hyper-parameters of a trial without KerasTuner's own values."""
    return space.model_values(kt_trial.hyperparameters.values)
