"""The settings of a training that a dataset may suggest: type, description and default of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

Steps = Annotated[int, Meta(ge=1, description="global step at which a training ends, at the latest")]
BatchSize = Annotated[int, Meta(ge=1, description="rows per step")]
CheckpointSteps = Annotated[int, Meta(ge=1, description="steps between two checkpoints")]
EvalSeconds = Annotated[
    int,
    Meta(
        ge=0,
        description="least time between two evaluations during a training, in seconds; 0 evaluates every checkpoint",
    ),
]
Patience = Annotated[
    int, Meta(ge=0, description="number of steps without a better train.best after which a training ends; 0 trains all steps")
]
Best = Annotated[str, Meta(description="metric that decides which checkpoint is the best one")]


@dataclass(frozen=True)
class Training:
    """The training that a dataset suggests for its amount of data: the defaults of the settings `train.*` of the same names.

    Example: `Training(steps=600, batch_size=64, patience=300)`.

    `python -m pipeline list` describes each setting. Where a value is None, `checkpoint_steps` saves a checkpoint every few
    seconds, `eval_seconds` evaluates as often as `train.overhead` allows, and `best` is the primary metric of the task. If a
    run trains more `steps` without `patience`, it makes as many checkpoints as this training, further apart: each can be
    evaluated, and evaluations must not take most of the time.
    """

    steps: Steps = 1000
    batch_size: BatchSize = 200
    checkpoint_steps: CheckpointSteps | None = None
    eval_seconds: EvalSeconds | None = None
    patience: Patience = 0
    best: Best | None = None
