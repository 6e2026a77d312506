"""How to search for hyper-parameters: plain values, the same in a configuration and in a Tuner's `custom_config`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Oracle = Literal["random", "bayesian", "hyperband"]


@dataclass(frozen=True)
class Settings:
    """A search's settings.

    Attributes:
        trials: how many trainings, those of earlier runs of the same search included: a greater number continues it. With
            "hyperband", a training that goes on with a greater budget counts as another one.
        oracle: what chooses the next values. "random" draws them; "bayesian" draws a few and then looks where a Gaussian
            process expects the best ones; "hyperband" begins many trainings and gives more steps to the best of them.
        parallel: trials at a time, each in a process of its own. GPUs are shared out among them.
        steps: of a trial; None is as many as the training gets. With "hyperband", the most that one gets.
        objective: the metric that makes one trial better than another; None is the one that chooses the best checkpoint.
        seed: of the values that are tried. (That of the trainings is the training's.)
        factor: of "hyperband": of so many trials one goes on, with so many times the steps.
        stop_early: whether "random" and "bayesian" end a trial that does worse than most did at its step.
        evaluations: a trial is evaluated so many times, at equal distances: always at the same steps, however busy the
            machine is, so that trials can be compared, and repeated.
    """

    trials: int
    oracle: Oracle = "bayesian"
    parallel: int = 1
    steps: int | None = None
    objective: str | None = None
    seed: int = 1
    factor: int = 3
    stop_early: bool = True
    evaluations: int = 5
