"""What chooses the values of the next trial: KerasTuner's oracles, made to survive a kill and a trial that fails."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

import keras_tuner as kt
import numpy as np
import numpy.typing as npt
from keras_tuner.engine.trial import Trial, TrialStatus

from data.tasks import Direction
from trainer_module.files import json_file
from trainer_module.tuning import space
from trainer_module.tuning.hyperband import Hyperband
from trainer_module.tuning.settings import TuneSettings

_log = logging.getLogger(__name__)

Values = npt.NDArray[np.float64]


class Durable(kt.Oracle):
    """What every oracle here has in common; to be put before one of KerasTuner's.

    KerasTuner writes its state and every trial into files of their own, one after the other: killed in between, it runs a
    finished trial again or never runs one that had begun. Here all is one file, written in one step.
    """

    def save(self) -> None:
        """Writes the state and all trials."""
        json_file.write(self._get_oracle_fname(), self.get_state())

    def reload(self) -> None:
        """Reads them, if they are there; trials that were under way are the next ones to be given out.

        A search all of whose trials have failed begins anew: whatever was wrong may have been put right.
        """
        state = json_file.read(self._get_oracle_fname(), dict)
        if state is None:
            return
        if len(state["trials"]) >= self.max_trials and all(t["status"] == TrialStatus.FAILED for t in state["trials"]):
            _log.warning("All %d trials of the earlier search have failed: it begins anew.", len(state["trials"]))
        else:
            self.set_state(state)

    def get_state(self) -> dict[str, Any]:
        """Returns the state, with the trials."""
        return super().get_state() | {"trials": [trial.get_state() for trial in self.trials.values()]}

    def set_state(self, state: dict[str, Any]) -> None:
        """Sets what `get_state` has returned. (KerasTuner's own list of what is under way lags behind by one save.)"""
        self.trials = {trial.trial_id: trial for trial in map(Trial.from_state, state["trials"])}
        super().set_state(state)
        self.ongoing_trials: dict[str, Trial] = {}
        begun = [trial.trial_id for trial in self.trials.values() if trial.status == TrialStatus.RUNNING]
        self._retry_queue = begun[::-1]  # it is taken from the end

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Returns what the oracle says, its values inside their ranges."""
        found = super().populate_space(trial_id)
        if found.get("values"):
            found["values"] = space.clip_to_space(self.hyperparameters, found["values"])
        return found

    def _save_trial(self, trial: Trial) -> None:
        """Does nothing: `save`, which follows, writes all trials."""


class RandomOracle(Durable, kt.oracles.RandomSearchOracle):
    """Draws values."""


class HyperbandOracle(Durable, Hyperband):
    """See `Hyperband`."""


class BayesianOracle(Durable, kt.oracles.BayesianOptimizationOracle):
    """A Gaussian process, after a few random trials: one more than there are dimensions.

    (KerasTuner's default is three times the dimensions: twelve trials of four hyper-parameters would be a random search.)
    """

    def __init__(self, hyperparameters: kt.HyperParameters, **settings: Any) -> None:
        """See kt.oracles.BayesianOptimizationOracle."""
        super().__init__(hyperparameters=hyperparameters, **settings)
        self.num_initial_points = max(3, 1 + len(self._nonfixed_space()))

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Returns the next values: of its own number, whatever was asked before; and none twice."""
        self._random_state = np.random.RandomState(self.seed + len(self.trials))
        found = super().populate_space(trial_id)
        if found.get("values") and self._duplicate(found["values"]):
            return self._random_populate_space()
        return found

    def _vectorize_trials(self) -> tuple[Values, Values]:
        """Returns values and scores (to be minimised) of all trials; one that failed counts as the worst of all.

        KerasTuner leaves it out, and would propose the values that made it fail again and again.
        """
        x, y = super()._vectorize_trials()
        failed = [t for t in self.trials.values() if t.status == TrialStatus.FAILED]
        if not failed or not len(y):
            return x, y
        return np.concatenate([x, [self._vector(t) for t in failed]]), np.append(y, [max(y)] * len(failed))

    def _vector(self, trial: Trial) -> list[float]:
        """Returns the values of a trial, each in [0, 1]."""
        values = trial.hyperparameters.values
        return [p.value_to_prob(values.get(p.name, p.default)) for p in self._nonfixed_space()]


def build(settings: TuneSettings, searched: kt.HyperParameters, objective: str, direction: Direction, steps: int) -> kt.Oracle:
    """Returns the oracle of a search.

    Args:
        settings: of the search.
        searched: the space.
        objective: name of the metric.
        direction: which way it gets better.
        steps: the most that a trial gets.
    """
    common: dict[str, Any] = {
        "objective": kt.Objective(objective, "max" if direction == "higher" else "min"),
        "hyperparameters": searched,
        "seed": _seed(settings.seed),
        # A search goes on whatever happens to its trials; `runner` says so if none has succeeded.
        "max_consecutive_failed_trials": None,
    }
    if settings.oracle == "hyperband":
        oracle = HyperbandOracle(settings.trials, steps, settings.factor, **common)
    else:
        kind = RandomOracle if settings.oracle == "random" else BayesianOracle
        oracle = kind(max_trials=settings.trials, **common)
    oracle.verbose = 0
    return oracle


def _seed(seed: int) -> int:
    """Returns a seed for KerasTuner, which takes 0 for "any", and seeds its n-th draw with seed + n: two that are close give
    the same trials, some later.
    """
    return 1 + int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:8], "big") % 2**30
