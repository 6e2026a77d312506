"""When a training saves a checkpoint and when it evaluates: as configured, or as often as it can afford."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)

# Without a number of steps: time in steps between two checkpoints, what a killed training has to do again.
LEAST_SECONDS = 10.0
# Of the share that checkpoints, evaluations and exports may take, the part that checkpoints alone may.
_CHECKPOINTS = 0.25
# What they may take of the time in steps in any case: without any, a kill would cost the whole training.
_CHECKPOINTS_AT_LEAST = 0.02


class EvaluationBudgetError(Exception):
    """An evaluation during a training takes more time than the budget has left."""


class Cadence:
    """Decides by steps and seconds where they are given, else by a budget: a share of the time that goes into steps.

    A checkpoint or an evaluation is assumed to cost what the last one did; the first evaluation, what it took to build the
    training's graph. The last evaluation of a training is made in any case: its cost is put aside from the start. One on the
    way that turns out to cost more than the share is given up, and assumed to cost twice of what it took so far.
    """

    def __init__(
        self,
        checkpoint_steps: int | None,
        eval_seconds: int | None,
        overhead: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """See `Settings` for the arguments; `clock` in seconds."""
        self._checkpoint_steps = checkpoint_steps
        self._eval_seconds = eval_seconds
        self._overhead = overhead
        self._clock = clock
        self._created = clock()
        self._spent = 0.0
        self._save_cost = self._eval_cost = 0.0
        self._last_eval = -float("inf")
        self._limit = float("inf")
        self._checkpoint_share = max(_CHECKPOINTS * overhead, _CHECKPOINTS_AT_LEAST)

    def begin(self, step: int) -> None:
        """The first step comes next."""
        self._started = self._clock()
        self._eval_cost = self._started - self._created
        self._saved_step, self._saved_at = step, 0.0

    @property
    def stepping(self) -> float:
        """Seconds that went into steps."""
        return self._clock() - self._started - self._spent

    @property
    def spent(self) -> float:
        """Seconds that went into checkpoints, evaluations and exports."""
        return self._spent

    def checkpoint_due(self, step: int) -> bool:
        """Whether a checkpoint is to be saved at a step."""
        if self._checkpoint_steps is not None:
            # At multiples, wherever the training was cut off: so its evaluations stay those of one that was not.
            return step // self._checkpoint_steps > self._saved_step // self._checkpoint_steps
        since = self.stepping - self._saved_at
        return since >= LEAST_SECONDS and self._save_cost <= self._checkpoint_share * since

    def evaluation_due(self) -> bool:
        """Whether a checkpoint that was just saved is to be evaluated on the way."""
        if self._eval_seconds is not None:
            return self._clock() - self._last_eval >= self._eval_seconds
        return self._spent + 2 * self._eval_cost <= self._overhead * self.stepping

    @contextmanager
    def saving(self, step: int) -> Iterator[None]:
        """Around a checkpoint."""
        began = self._clock()
        yield
        self._save_cost = self._clock() - began
        self._spent += self._save_cost
        self._saved_step, self._saved_at = step, self.stepping

    @contextmanager
    def evaluating(self, *, last: bool = False) -> Iterator[None]:
        """Around an evaluation and its export. If that evaluation is given up, its EvaluationBudgetError ends here.

        `last`: whether it is the training's last evaluation, which is never given up.
        """
        adapts = self._eval_seconds is None and not last
        self._limit = self._overhead * self.stepping - self._spent if adapts else float("inf")
        self._last_eval = began = self._clock()
        given_up = False
        try:
            yield
        except EvaluationBudgetError as error:
            given_up = True
            _log.info("%s", error)
        self._eval_cost = (self._clock() - began) * (2 if given_up else 1)
        self._spent += self._clock() - began

    def check(self) -> None:
        """To be called on the way through an evaluation. Raises EvaluationBudgetError when it is to be given up."""
        took = self._clock() - self._last_eval
        if took > self._limit:
            raise EvaluationBudgetError(f"An evaluation is given up after {took:.1f} s: train.overhead is {self._overhead:g}.")
