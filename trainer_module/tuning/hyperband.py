"""Hyperband (Li et al. 2018) whose resource is training steps, and which a failed trial does not stop."""

from __future__ import annotations

import math
from typing import Any

import keras_tuner as kt
from keras_tuner.engine.trial import Trial, TrialStatus

# A trial that is asked for fewer steps says nothing.
LEAST_STEPS = 10

CONTINUES = "tuner/trial_id"  # the trial that one goes on from
BUDGET = "tuner/epochs"  # steps at which it ends


class Hyperband(kt.oracles.HyperbandOracle):
    """Brackets of trials: of those of a round, one in `factor` goes on, with `factor` times the steps.

    The first bracket begins with as many trials as fit, with all their rounds, into the number that is searched for. It
    stays so when that number is raised later: further brackets follow.

    KerasTuner's oracle counts in epochs, of which the shortest trial takes one; and it promotes a trial only when enough of
    its round have *completed*: of three trials none goes on if one has failed.
    """

    def __init__(self, trials: int, steps: int, factor: int, **settings: Any) -> None:
        """Begins the first bracket.

        Args:
            trials: as many, those that go on included.
            steps: the most that one gets.
            factor: see above.
            **settings: see kt.oracles.HyperbandOracle.
        """
        self.halvings = _halvings(trials, steps, factor)
        super().__init__(max_epochs=steps, factor=factor, hyperband_iterations=math.inf, **settings)
        self.max_trials = trials

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Returns the values of a trial that goes on, if one can, else those of a new one.

        The last trials are left to those that may go on.
        """
        for bracket in self._brackets:
            if len(bracket["rounds"][0]) < self._get_size(bracket["bracket_num"], 0):
                return self._random_trial(trial_id, bracket)
            promoted = self._promoted(trial_id, bracket)
            if promoted:
                return {"status": TrialStatus.RUNNING, "values": promoted}
        left = self.max_trials - len(self.trials)
        if self.ongoing_trials and left <= self._to_come():
            return {"status": TrialStatus.IDLE}
        self._increment_bracket_num()
        while self._current_bracket and self._trials_of(self._current_bracket) > left:
            self._current_bracket -= 1  # what cannot be promoted any more is better trained to the end
        self._start_new_bracket()
        return self._random_trial(trial_id, self._brackets[-1])

    def _promoted(self, trial_id: str, bracket: dict[str, Any]) -> dict[str, Any] | None:
        number = bracket["bracket_num"]
        for i, (past, now) in enumerate(zip(bracket["rounds"], bracket["rounds"][1:], strict=False), start=1):
            best = self._next(past, now, self._get_size(number, i - 1), self._get_size(number, i))
            if best is not None:
                now.append({"past_id": best.trial_id, "id": trial_id})
                return best.hyperparameters.values | {
                    CONTINUES: best.trial_id,
                    BUDGET: self._get_epochs(number, i),
                    "tuner/initial_epoch": self._get_epochs(number, i - 1),
                    "tuner/bracket": number,
                    "tuner/round": i,
                }
        return None

    def _next(self, past: list[dict[str, str]], now: list[dict[str, str]], size: int, next_size: int) -> Trial | None:
        """Returns the best trial of a round that is sure to be among those that go on, if it does not yet."""
        if len(now) >= next_size:
            return None
        ended = [self.trials[info["id"]] for info in past]
        ended = [t for t in ended if t.status in (TrialStatus.COMPLETED, TrialStatus.FAILED)]
        if len(ended) - len(now) <= size - next_size:  # those still to come could all be better
            return None
        gone_on = {info["past_id"] for info in now}
        left = [t for t in ended if t.status == TrialStatus.COMPLETED and t.trial_id not in gone_on]
        pick = max if self.objective.direction == "max" else min
        return pick(left, key=lambda t: t.score, default=None)

    def _to_come(self) -> int:
        """Returns how many trials the later rounds of all brackets still lack."""
        rounds = [(b["bracket_num"], i, now) for b in self._brackets for i, now in enumerate(b["rounds"]) if i]
        return sum(self._get_size(number, i) - len(now) for number, i, now in rounds)

    def _trials_of(self, bracket_num: int) -> int:
        return sum(self._get_size(bracket_num, i) for i in range(bracket_num + 1))

    def _get_num_brackets(self) -> int:
        return self.halvings + 1

    def _get_size(self, bracket_num: int, round_num: int) -> int:
        """Returns how many trials a round has: brackets of about the same number of steps."""
        return math.ceil((self.halvings + 1) / (bracket_num + 1) * self.factor ** (bracket_num - round_num))

    def get_state(self) -> dict[str, Any]:
        """Returns the state."""
        return super().get_state() | {"halvings": self.halvings}

    def set_state(self, state: dict[str, Any]) -> None:
        """Sets what `get_state` has returned."""
        super().set_state(state)
        self.halvings = state["halvings"]


def _halvings(trials: int, steps: int, factor: int) -> int:
    """Returns how many rounds follow the first one of the first bracket."""
    halvings = 0
    while sum(factor**i for i in range(halvings + 2)) <= trials and steps / factor ** (halvings + 1) >= LEAST_STEPS:
        halvings += 1
    return halvings
