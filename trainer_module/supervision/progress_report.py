"""How far a training is: the one report that its hook logs, a child process sends, and a terminal shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProgressReport:
    """The progress of a training at one moment.

    Attributes:
        step: global step.
        steps: global step at which the training ends.
        loss: of the batch of that step, before the step's update.
        steps_per_second: since the report before.
    """

    step: int
    steps: int
    loss: float
    steps_per_second: float
