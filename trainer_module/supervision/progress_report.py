"""The progress report of a training. Its hook logs it, a child process sends it, the terminal shows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProgressReport:
    """The progress of a training at one moment.

    Attributes:
        step: global step.
        steps: global step at which the training ends.
        loss: loss of the batch of that step, before the step's update.
        steps_per_second: speed since the previous report.
    """

    step: int
    steps: int
    loss: float
    steps_per_second: float
