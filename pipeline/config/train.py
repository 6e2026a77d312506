"""[train] and [tune]: the settings of the Trainer and the Tuner, and the keys that only the configuration has.

The types, defaults and descriptions of all inherited keys are in `trainer_module/training/settings.py` and
`trainer_module/tuning/settings.py`.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from data.training import BatchSize, Best, CheckpointSteps, EvalSeconds, Patience, Steps
from trainer_module.training.cadence import MIN_CHECKPOINT_SECONDS
from trainer_module.training.settings import TrainOptions
from trainer_module.tuning.settings import Trials, TuneOptions

# Ends the description of a setting whose default is in the dataset's file, because it depends on the amount of data.
FROM_DATASET = "; by default what the dataset suggests"


class Train(TrainOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[train]: how long to train, how often to save and evaluate, and which checkpoint becomes the model."""

    steps: Annotated[Steps | None, Meta(description=FROM_DATASET)] = None
    batch_size: Annotated[BatchSize | None, Meta(description=FROM_DATASET)] = None
    checkpoint_steps: Annotated[
        CheckpointSteps | None, Meta(description=f"{FROM_DATASET}, else one every {MIN_CHECKPOINT_SECONDS:g} seconds")
    ] = None
    eval_seconds: Annotated[EvalSeconds | None, Meta(description=f"{FROM_DATASET}, else as often as train.overhead allows")] = (
        None
    )
    patience: Annotated[Patience | None, Meta(description=FROM_DATASET)] = None
    best: Annotated[Best | None, Meta(description=f"{FROM_DATASET}, or its task")] = None
    resume: Annotated[
        bool, Meta(description="whether a training continues from its checkpoints; false starts from the beginning")
    ] = True
    warm_start: Annotated[
        bool, Meta(description="whether a new training starts with the weights of the latest blessed model")
    ] = False
    checkpoints: Annotated[
        str | None,
        Meta(description="folder of the checkpoints, which remain after a failed run; by default <output_dir>/checkpoints"),
    ] = None


class Tune(TuneOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """[tune]: the search for hyper-parameters, before the training."""

    trials: Trials = 0
    reuse: Annotated[
        bool, Meta(description="whether a run without a search takes the values that the newest search found for its model")
    ] = True
