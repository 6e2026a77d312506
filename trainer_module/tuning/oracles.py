"""The oracles, which choose the values of the next trial: KerasTuner's, extended to survive a kill and a failed trial."""

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
    """Mixin for an oracle of KerasTuner: saves its state and all trials atomically, in one file.

    KerasTuner writes its state and every trial to separate files. If it is killed between two of them, it repeats a finished
    trial, or never runs one that had started.
    """

    def save(self) -> None:
        """Writes the state and all trials."""
        json_file.write(self._get_oracle_fname(), self.get_state())

    def reload(self) -> None:
        """Loads the state if there is one. Trials that were running are the next ones to be returned.

        If all trials have failed, the search starts from the beginning: the cause may have been repaired.
        """
        state = json_file.read(self._get_oracle_fname(), dict)
        if state is None:
            return
        if len(state["trials"]) >= self.max_trials and all(t["status"] == TrialStatus.FAILED for t in state["trials"]):
            _log.warning(
                "All %d trials of the earlier search have failed. The search starts from the beginning.", len(state["trials"])
            )
        else:
            self.set_state(state)

    def get_state(self) -> dict[str, Any]:
        """Returns the state, including the trials."""
        return super().get_state() | {"trials": [trial.get_state() for trial in self.trials.values()]}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restores a state that `get_state` has returned. (KerasTuner's own list of running trials is one save old.)"""
        self.trials = {trial.trial_id: trial for trial in map(Trial.from_state, state["trials"])}
        super().set_state(state)
        self.ongoing_trials: dict[str, Trial] = {}
        running = [trial.trial_id for trial in self.trials.values() if trial.status == TrialStatus.RUNNING]
        self._retry_queue = running[::-1]  # KerasTuner takes the last one first

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Returns the next values, inside their ranges."""
        answer = super().populate_space(trial_id)
        if answer.get("values"):
            answer["values"] = space.clip_to_space(self.hyperparameters, answer["values"])
        return answer

    def _save_trial(self, trial: Trial) -> None:
        """Does nothing: KerasTuner calls `save` next, which writes all trials."""


class RandomOracle(Durable, kt.oracles.RandomSearchOracle):
    """Draws values at random."""


class HyperbandOracle(Durable, Hyperband):
    """`Hyperband`, saved in one file."""


class BayesianOracle(Durable, kt.oracles.BayesianOptimizationOracle):
    """Draws some random trials, one more than there are dimensions, and then asks a Gaussian process.

    (KerasTuner's default is three times the dimensions: with four hyper-parameters, twelve trials would be a random search.)
    """

    def __init__(self, hyperparameters: kt.HyperParameters, **settings: Any) -> None:
        """`settings`: of kt.oracles.BayesianOptimizationOracle."""
        super().__init__(hyperparameters=hyperparameters, **settings)
        self.num_initial_points = max(3, 1 + len(self._nonfixed_space()))

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Returns the next values. They depend only on the seed and the earlier trials, and are not repeated."""
        self._random_state = np.random.RandomState(self.seed + len(self.trials))
        answer = super().populate_space(trial_id)
        if answer.get("values") and self._duplicate(answer["values"]):
            return self._random_populate_space()
        return answer

    def _vectorize_trials(self) -> tuple[Values, Values]:
        """Returns values and scores (to be minimised) of all trials. A failed trial gets the worst score of all.

        KerasTuner leaves failed trials out, and would propose the values that made them fail again and again.

        Returns:
            [trials, hyper-parameters] values in [0, 1], and [trials] scores.
        """
        x, y = super()._vectorize_trials()
        failed = [t for t in self.trials.values() if t.status == TrialStatus.FAILED]
        if not failed or not len(y):
            return x, y
        return np.concatenate([x, [self._vector(t) for t in failed]]), np.append(y, [max(y)] * len(failed))

    def _vector(self, trial: Trial) -> list[float]:
        """Returns the values of a trial, each mapped to [0, 1]."""
        values = trial.hyperparameters.values
        return [p.value_to_prob(values.get(p.name, p.default)) for p in self._nonfixed_space()]


def build(settings: TuneSettings, searched: kt.HyperParameters, objective: str, direction: Direction, steps: int) -> kt.Oracle:
    """Returns the oracle of a search.

    Args:
        settings: the settings of the search.
        searched: the search space, in which some hyper-parameters are fixed.
        objective: name of the metric that makes one trial better than another.
        direction: in which the objective gets better.
        steps: greatest number of steps of a trial.
    """
    common: dict[str, Any] = {
        "objective": kt.Objective(objective, "max" if direction == "higher" else "min"),
        "hyperparameters": searched,
        "seed": _seed(settings.seed),
        # A search continues when trials fail. `search` raises an error if all have failed.
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
    """Returns a seed for KerasTuner.

    KerasTuner seeds its n-th draw with seed + n, so neighbouring seeds would give the same trials, shifted. For KerasTuner a
    seed of 0 means a random seed.
    """
    return 1 + int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:8], "big") % 2**30
