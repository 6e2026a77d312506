"""Decides when a training saves a checkpoint and when it evaluates: as configured, or within a time budget."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_log = logging.getLogger(__name__)

# Without `checkpoint_steps`: the least time in steps between two checkpoints, in seconds. A checkpoint that is expensive to
# save comes later, see the two shares below. A killed training repeats the steps since its last checkpoint.
MIN_CHECKPOINT_SECONDS = 10.0
# The part of the budget (for checkpoints, evaluations and exports) that checkpoints may take.
_CHECKPOINTS = 0.25
# The share of the time in steps that checkpoints may always take: without a checkpoint, a kill would cost the whole training.
GUARANTEED_CHECKPOINT_SHARE = 0.02


class EvaluationBudgetError(Exception):
    """An evaluation during a training exceeds the remaining time budget."""


class Cadence:
    """Decides by `checkpoint_steps` and `eval_seconds` if they are set, else by a budget: a share of the time in steps.

    The expected cost of a checkpoint or an evaluation is the cost of the last one. For the first evaluation it is the time to
    build the training's graph. The last evaluation of a training always takes place: the budget reserves its cost from the
    start. An evaluation during the training that exceeds the remaining budget is stopped; the next one is then expected to
    cost twice the time that this one took.
    """

    def __init__(
        self,
        checkpoint_steps: int | None,
        eval_seconds: int | None,
        overhead: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """See `trainer_module.training.settings` for the arguments. `clock` returns seconds."""
        self._checkpoint_steps = checkpoint_steps
        self._eval_seconds = eval_seconds
        self._overhead = overhead
        self._clock = clock
        self._created = clock()
        self._spent = 0.0
        self._save_cost = self._eval_cost = 0.0
        self._last_eval = -float("inf")
        self._limit = float("inf")
        self._checkpoint_share = max(_CHECKPOINTS * overhead, GUARANTEED_CHECKPOINT_SHARE)

    def begin(self, step: int) -> None:
        """Starts the clock. Call it right before the first step."""
        self._started = self._clock()
        self._eval_cost = self._started - self._created
        self._saved_step, self._saved_at = step, 0.0

    @property
    def stepping(self) -> float:
        """Seconds spent in steps."""
        return self._clock() - self._started - self._spent

    @property
    def spent(self) -> float:
        """Seconds spent in checkpoints, evaluations and exports."""
        return self._spent

    def checkpoint_due(self, step: int) -> bool:
        """Whether to save a checkpoint at a step."""
        if self._checkpoint_steps is not None:
            # At multiples, so that an interrupted training has the same evaluations as one that was not interrupted.
            return step // self._checkpoint_steps > self._saved_step // self._checkpoint_steps
        seconds_since_save = self.stepping - self._saved_at
        if seconds_since_save < MIN_CHECKPOINT_SECONDS:
            return False
        return self._save_cost <= self._checkpoint_share * seconds_since_save

    def evaluation_due(self) -> bool:
        """Whether to evaluate the checkpoint that was just saved, during the training."""
        if self._eval_seconds is not None:
            return self._clock() - self._last_eval >= self._eval_seconds
        return self._spent + 2 * self._eval_cost <= self._overhead * self.stepping

    @contextmanager
    def saving(self, step: int) -> Iterator[None]:
        """Measures the saving of a checkpoint, in a `with` block around it."""
        began = self._clock()
        yield
        self._save_cost = self._clock() - began
        self._spent += self._save_cost
        self._saved_step, self._saved_at = step, self.stepping

    @contextmanager
    def evaluating(self, *, last: bool = False) -> Iterator[None]:
        """Measures an evaluation and its export, in a `with` block around them. Catches the error that stops one.

        `last`: whether it is the training's last evaluation, which is never stopped.
        """
        adapts = self._eval_seconds is None and not last
        self._limit = self._overhead * self.stepping - self._spent if adapts else float("inf")
        self._last_eval = began = self._clock()
        stopped = False
        try:
            yield
        except EvaluationBudgetError as error:
            stopped = True
            _log.info("%s", error)
        self._eval_cost = (self._clock() - began) * (2 if stopped else 1)
        self._spent += self._clock() - began

    def check(self) -> None:
        """Raises EvaluationBudgetError if the budget is used up. Call it before every batch of an evaluation."""
        eval_seconds = self._clock() - self._last_eval
        if eval_seconds > self._limit:
            raise EvaluationBudgetError(
                f"An evaluation was stopped after {eval_seconds:.1f} s, because train.overhead is {self._overhead:g}."
            )
