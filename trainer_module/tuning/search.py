"""The tuner that TFX's Tuner calls: a KerasTuner tuner whose trials train Estimators, each in its own process."""

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

# Number of failures that the error of a failed search quotes.
_QUOTED_FAILURES = 3


class TuningError(RuntimeError):
    """All trials of a search have failed."""


def tuner(job: Job, tuning: TuneSettings, root: str) -> EstimatorTuner:
    """Returns the tuner of a search.

    Args:
        job: the training of every trial. Its hyper-parameters are fixed, all others are searched. Its folder is not used.
        tuning: how to search.
        root: folder of all searches. A search has its own folder there, and the next run continues in it.

    Raises:
        trainer_module.estimators.hyperparameters.HyperParameterError: the model does not have a fixed hyper-parameter.
        trainer_module.tuning.space.NothingToSearchError: all hyper-parameters are fixed.
    """
    return EstimatorTuner(SearchSpec(job, tuning, root))


class EstimatorTuner(base_tuner.BaseTuner):
    """Runs a search, or continues the one in its folder.

    Finished trials are not repeated. A trial that was interrupted continues from its checkpoint, with the same values.
    """

    def __init__(self, spec: SearchSpec, start: Start = trial_process.start) -> None:
        """`spec`: of the search. `start`: starts the process of a trial."""
        self._spec, self._start = spec, start
        oracle = oracles.build(spec.tuning, spec.search_space(), spec.objective, spec.direction, spec.steps)
        super().__init__(oracle, directory=spec.root, project_name=spec.fingerprint())

    def search(self, *fit_args: object, **fit_kwargs: object) -> None:
        """Runs the trials that have not ended yet. TFX passes arguments that are not used.

        Raises:
            TuningError: all trials have failed.
            trainer_module.checkpoints.folder.FolderInUseError: another process runs the same search.
            trainer_module.supervision.control.InterruptedTraining: a signal ended the search. The next run continues it.
        """
        spec, settings = self._spec, self._spec.job.settings
        with folders.held(spec.folder):
            folders.prepare(spec.folder, Evaluations(spec.folder, spec.objective, spec.direction), settings.fresh_run_id)
            self.reload()
            table = TrialTable(spec.folder)
            watchdog.run(
                Runner(spec, self.oracle, table, self._start).run,
                grace_seconds=settings.grace_seconds,
                stall_seconds=math.inf,  # each trial watches itself
            )
            plot.draw(table.trials, posixpath.join(spec.folder, trial_table.PLOT))
            self._require_success(table)
            folders.tidy(spec.folder, settings.keep_trainings)

    def get_best_hyperparameters(self, num_trials: int = 1) -> list[kt.HyperParameters]:
        """Returns the hyper-parameters of the best trials, tagged with the dataset, the model and the folder of the search."""
        job, folder = self._spec.job, self._spec.folder
        values = super().get_best_hyperparameters(num_trials)
        return [best.tag_with_origin(hp, job.dataset, job.model, folder) for hp in values]

    def save(self) -> None:
        """Saves the oracle, which holds the whole state."""
        self.oracle.save()

    def reload(self) -> None:
        """Loads the state that an earlier process has saved, if there is one."""
        self.oracle.reload()

    def _get_tuner_fname(self) -> str:
        """Returns a path where no file exists: KerasTuner would load such a file before this tuner has locked the folder."""
        return posixpath.join(self._spec.folder, "tuner.json")

    def _require_success(self, table: TrialTable) -> None:
        if any(trial.has_value for trial in table.trials):
            return
        failed = [f"trial {trial.id}: {trial.why.rstrip('.')} (log: {trial.log})" for trial in table.trials]
        raise TuningError(
            f"All {len(failed)} trials of model '{self._spec.job.model}' have failed. "
            f"{'; '.join(failed[-_QUOTED_FAILURES:])}. Run again to try all of them once more. "
            "If the values make them fail, narrow the model's search_space."
        )
