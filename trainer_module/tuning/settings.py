"""The settings of a search for hyper-parameters: type, default and description of each, once.

The configuration table `[tune]` (`pipeline/config/train.py`) and a Tuner's `custom_config` derive from them. `python -m
pipeline list` prints the descriptions. Imports nothing heavy: every command reads it.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Oracle = Literal["bayesian", "random", "hyperband"]
Trials = Annotated[
    int, Meta(ge=0, description="number of trials, including those of earlier runs of the same search; 0 does not search")
]


class TuneOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The settings with a default."""

    oracle: Annotated[
        Oracle,
        Meta(
            description="chooses the values of a trial: bayesian draws a few, then asks a Gaussian process where the best are; "
            "random draws all; hyperband draws many and gives the best ones more steps (a trial that continues counts as a new "
            "one)"
        ),
    ] = "bayesian"
    parallel: Annotated[int, Meta(ge=1, description="trials at a time, each in its own process; they share the GPUs")] = 1
    steps: Annotated[
        Annotated[int, Meta(ge=1)] | None, Meta(description="global step at which a trial ends; by default train.steps")
    ] = None
    objective: Annotated[
        str | None, Meta(description="metric that decides which trial is the best one; by default train.best")
    ] = None
    seed: Annotated[int, Meta(ge=0, lt=2**31, description="seed of the values to try; trainings use train.seed")] = 1
    factor: Annotated[
        int, Meta(ge=2, description="for hyperband: one in this many trials continues, with this many times the steps")
    ] = 3
    stop_early: Annotated[
        bool, Meta(description="whether a trial stops when most others were better at its step (not with hyperband)")
    ] = True
    # Evaluations are at fixed steps, however busy the machine is, so that trials can be compared and repeated.
    evaluations: Annotated[int, Meta(ge=1, description="number of evaluations of a trial, the same number of steps apart")] = 5


class TuneSettings(TuneOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of one search. More `trials` than before continue the search of earlier runs."""

    trials: Trials
