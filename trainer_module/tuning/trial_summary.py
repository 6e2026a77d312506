"""The state of one trial. Imports nothing heavy: the terminal and the record of a run use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from data.tasks import Direction

TrialState = Literal["running", "completed", "stopped early", "failed", "interrupted"]


@dataclass(frozen=True)
class TrialSummary:
    """One trial of a search.

    Attributes:
        id: KerasTuner's id, a number.
        state: "running", "failed", "completed", "stopped early" (it has a value, like a completed one) or "interrupted" (it
            continues with the search).
        values: values of the hyper-parameters.
        metric: name of the objective.
        direction: whether a higher or a lower objective is better.
        objective: value of the objective; None before the first evaluation.
        step: newest known global step.
        steps: global step at which the trial ends.
        seconds: seconds that its processes have run.
        resumed_from: global step at which its last process began.
        continues: id of the trial that this one continues, from its checkpoint; None if it began at step 0.
        why: why it failed or was stopped early.
        log: file that its processes write to.
        curve: (step, objective) of every evaluation.
    """

    id: str
    state: TrialState
    values: dict[str, Any]
    metric: str
    direction: Direction
    objective: float | None = None
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    resumed_from: int = 0
    continues: str | None = None
    why: str = ""
    log: str = ""
    curve: list[tuple[int, float]] = field(default_factory=list)

    @property
    def has_ended(self) -> bool:
        """Whether the trial will not run again."""
        return self.state not in ("running", "interrupted")

    @property
    def has_value(self) -> bool:
        """Whether the trial has ended with a value of the objective."""
        return self.state in ("completed", "stopped early")
