"""What TFX's Tuner calls: a KerasTuner tuner whose trials are Estimators, each trained in a process of its own."""

from __future__ import annotations

import math
import posixpath

import keras_tuner as kt
from keras_tuner.engine import base_tuner

from trainer_module.checkpoints import folder as folders
from trainer_module.checkpoints.evaluations import Evaluations
from trainer_module.supervision import watchdog
from trainer_module.training.job import Job
from trainer_module.tuning import best, oracles, plot, trial_process, trial_table
from trainer_module.tuning.runner import Runner, Start
from trainer_module.tuning.search_spec import SearchSpec
from trainer_module.tuning.settings import TuneSettings
from trainer_module.tuning.trial_table import TrialTable

# Failures that the message about a search without success tells.
_TOLD = 3


class TuningError(RuntimeError):
    """A search in which no trial has succeeded."""


def tuner(job: Job, tuning: TuneSettings, root: str) -> EstimatorTuner:
    """Returns the tuner of a search.

    Args:
        job: what every trial trains; its `hyperparameters` are the ones that are not searched, and its folder is not used.
        tuning: how to search.
        root: folder of all searches; each has one of its own there, and is continued in it.

    Raises:
        trainer_module.estimators.hyperparameters.HyperParameterError: a fixed hyper-parameter that the model does not have.
        trainer_module.tuning.space.NothingToSearchError: all of them are fixed.
    """
    return EstimatorTuner(SearchSpec(job, tuning, root))


class EstimatorTuner(base_tuner.BaseTuner):
    """Searches, or continues the search that is in its folder.

    Finished trials are not repeated, and one that was cut off continues from its checkpoint, with the same values.
    """

    def __init__(self, plan: SearchSpec, start: Start = trial_process.start) -> None:
        """`plan`: of the search. `start` starts the process of a trial."""
        self._plan, self._start = plan, start
        oracle = oracles.build(plan.tuning, plan.searched(), plan.objective, plan.direction, plan.steps)
        super().__init__(oracle, directory=plan.root, project_name=plan.fingerprint())

    def search(self, *fit_args: object, **fit_kwargs: object) -> None:
        """Runs the trials that are still to be run. The arguments, which TFX hands on, are not used.

        Raises:
            TuningError: none has succeeded.
            trainer_module.checkpoints.folder.FolderInUseError: another process searches for the same.
            trainer_module.supervision.watchdog.InterruptedTraining: it was asked to leave; what was done is on disk.
        """
        plan, settings = self._plan, self._plan.job.settings
        with folders.held(plan.folder):
            folders.prepare(plan.folder, Evaluations(plan.folder, plan.objective, plan.direction), settings.fresh_run_id)
            self.reload()
            board = TrialTable(plan.folder)
            watchdog.run(
                Runner(plan, self.oracle, board, self._start).run,
                grace_seconds=settings.grace_seconds,
                stall_seconds=math.inf,  # each trial is watched by its own process
            )
            plot.draw(board.records, posixpath.join(plan.folder, trial_table.PLOT))
            self._check(board)
            folders.tidy(plan.folder, settings.keep_trainings)

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[kt.HyperParameters]:
        """Returns the best ones, marked with what they are for."""
        found = super().get_best_hyperparameters(num_trials)
        return [best.tag_with_origin(hp, self._plan.job.dataset, self._plan.job.model, self._plan.folder) for hp in found]

    def save(self) -> None:
        """Saves the oracle: there is no other state."""
        self.oracle.save()

    def reload(self) -> None:
        """Reads what an earlier process has saved, if there is something."""
        self.oracle.reload()

    def _get_tuner_fname(self) -> str:
        """Returns a file that is not there: a tuner is not to read anything before it holds the folder."""
        return posixpath.join(self._plan.folder, "tuner.json")

    def _check(self, board: TrialTable) -> None:
        if any(r.state in ("completed", "stopped early") for r in board.records):
            return
        failed = [f"trial {r.id}: {r.why.rstrip('.')} (log: {r.log})" for r in board.records]
        raise TuningError(
            f"None of the {len(failed)} trials of model '{self._plan.job.model}' has succeeded. {'; '.join(failed[-_TOLD:])}. "
            "Run again to try all of them once more; if it is their values that fail, narrow the model's search_space."
        )
