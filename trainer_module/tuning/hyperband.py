"""Hyperband (Li et al. 2018) in training steps. It continues when a trial fails."""

from __future__ import annotations

import math
from typing import Any

import keras_tuner as kt
from keras_tuner.engine.trial import Trial, TrialStatus

# Fewer steps tell nothing about a trial.
LEAST_STEPS = 10

CONTINUES = "tuner/trial_id"  # id of the trial that this one continues
BUDGET = "tuner/epochs"  # global step at which the trial ends


class Hyperband(kt.oracles.HyperbandOracle):
    """Brackets of rounds of trials. Of `factor` trials of a round, one continues in the next, with `factor` times the steps.

    The first bracket starts with as many trials as possible so that all its rounds fit into the number of trials. If a later
    run raises that number, the first bracket stays the same and more brackets follow.

    KerasTuner's oracle counts epochs, and its shortest trial takes one. It promotes a trial only when enough trials of the
    round have *completed*: if one of three trials fails, no trial continues.
    """

    def __init__(self, trials: int, steps: int, factor: int, **settings: Any) -> None:
        """Starts the first bracket.

        Args:
            trials: number of trials; a trial that continues another one counts too.
            steps: greatest number of steps of a trial.
            factor: see the class.
            **settings: of kt.oracles.HyperbandOracle.
        """
        self.halvings = _halvings(trials, steps, factor)
        super().__init__(max_epochs=steps, factor=factor, hyperband_iterations=math.inf, **settings)
        self.max_trials = trials

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Returns the values of a trial that continues another one if possible, else those of a new trial.

        The last trials are reserved for trials that continue others.
        """
        for bracket in self._brackets:
            if len(bracket["rounds"][0]) < self._get_size(bracket["bracket_num"], 0):
                return self._random_trial(trial_id, bracket)
            promoted = self._promoted(trial_id, bracket)
            if promoted:
                return {"status": TrialStatus.RUNNING, "values": promoted}
        trials_left = self.max_trials - len(self.trials)
        if self.ongoing_trials and trials_left <= self._missing_trials():
            return {"status": TrialStatus.IDLE}
        self._increment_bracket_num()
        while self._current_bracket and self._trials_of(self._current_bracket) > trials_left:
            self._current_bracket -= 1  # trials that cannot be promoted get more steps instead
        self._start_new_bracket()
        return self._random_trial(trial_id, self._brackets[-1])

    def _promoted(self, trial_id: str, bracket: dict[str, Any]) -> dict[str, Any] | None:
        number = bracket["bracket_num"]
        for i, (round_, next_round) in enumerate(zip(bracket["rounds"], bracket["rounds"][1:], strict=False), start=1):
            best = self._to_promote(round_, next_round, self._get_size(number, i - 1), self._get_size(number, i))
            if best is not None:
                next_round.append({"past_id": best.trial_id, "id": trial_id})
                return best.hyperparameters.values | {
                    CONTINUES: best.trial_id,
                    BUDGET: self._get_epochs(number, i),
                    "tuner/initial_epoch": self._get_epochs(number, i - 1),
                    "tuner/bracket": number,
                    "tuner/round": i,
                }
        return None

    def _to_promote(
        self, round_: list[dict[str, str]], next_round: list[dict[str, str]], size: int, next_size: int
    ) -> Trial | None:
        """Returns the best trial of a round that certainly continues and is not promoted yet; None if there is none."""
        if len(next_round) >= next_size:
            return None
        ended = [self.trials[info["id"]] for info in round_]
        ended = [t for t in ended if t.status in (TrialStatus.COMPLETED, TrialStatus.FAILED)]
        if len(ended) - len(next_round) <= size - next_size:  # the trials that have not ended could all be better
            return None
        promoted = {info["past_id"] for info in next_round}
        candidates = [t for t in ended if t.status == TrialStatus.COMPLETED and t.trial_id not in promoted]
        pick = max if self.objective.direction == "max" else min
        return pick(candidates, key=lambda t: t.score, default=None)

    def _missing_trials(self) -> int:
        """Returns how many trials are missing in the rounds after the first, over all brackets."""
        rounds = [(b["bracket_num"], i, round_) for b in self._brackets for i, round_ in enumerate(b["rounds"]) if i]
        return sum(self._get_size(number, i) - len(round_) for number, i, round_ in rounds)

    def _trials_of(self, bracket_num: int) -> int:
        return sum(self._get_size(bracket_num, i) for i in range(bracket_num + 1))

    def _get_num_brackets(self) -> int:
        return self.halvings + 1

    def _get_size(self, bracket_num: int, round_num: int) -> int:
        """Returns the number of trials of a round. All brackets take about the same number of steps."""
        return math.ceil((self.halvings + 1) / (bracket_num + 1) * self.factor ** (bracket_num - round_num))

    def get_state(self) -> dict[str, Any]:
        """Returns the state."""
        return super().get_state() | {"halvings": self.halvings}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restores a state that `get_state` has returned."""
        super().set_state(state)
        self.halvings = state["halvings"]


def _halvings(trials: int, steps: int, factor: int) -> int:
    """Returns the number of rounds after the first one in the first bracket."""
    halvings = 0
    while sum(factor**i for i in range(halvings + 2)) <= trials and steps / factor ** (halvings + 1) >= LEAST_STEPS:
        halvings += 1
    return halvings
