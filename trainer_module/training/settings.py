"""The settings of a training: type, default and description of each, once.

The configuration table `[train]` (`pipeline/config/train.py`), a Trainer's `custom_config` and the `job.json` of its processes
all derive from them. `python -m pipeline list` prints the descriptions. Imports nothing heavy: every command reads it.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from data.training import BatchSize, Best, CheckpointSteps, EvalSeconds, Patience, Steps
from trainer_module.training import cadence

Strategy = Literal["parameter_server", "multi_worker_mirrored", "mirrored"]
Export = Literal["best", "latest", "final"]


class Cluster(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The processes that train one model together. By default there is one, the Trainer's own."""

    workers: Annotated[
        int, Meta(ge=0, description="number of processes that train besides the chief; 0 trains in the Trainer's own process")
    ] = 0
    ps: Annotated[int, Meta(ge=0, description="number of parameter servers")] = 0
    strategy: Annotated[
        Strategy,
        Meta(
            description="parameter_server trains asynchronously and survives the loss of any process; multi_worker_mirrored "
            "takes every step in all processes together; mirrored is one process with several devices"
        ),
    ] = "parameter_server"
    devices: Annotated[
        int, Meta(ge=0, description="number of devices for mirrored; 0 takes all GPUs. Without GPUs it divides the CPU")
    ] = 0
    start_seconds: Annotated[int, Meta(ge=1, description="time limit for the start of each process, in seconds")] = 120

    @property
    def alone(self) -> bool:
        """Whether the Trainer's own process trains alone."""
        return not self.workers and not self.ps and self.strategy != "mirrored"

    @property
    def overshoot(self) -> int:
        """Number of steps that a training may take after its last one: each worker may be in the middle of a step."""
        return self.workers if self.strategy == "parameter_server" else 0


class TrainOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The settings whose defaults suit every dataset."""

    export: Annotated[
        Export,
        Meta(
            description="which checkpoint's model is evaluated and pushed: the best (exported whenever a better one appears), "
            "the latest (exported at every evaluation), or the final one (exported once)"
        ),
    ] = "best"
    keep_checkpoints: Annotated[int, Meta(ge=1, description="number of newest checkpoints to keep, besides the best one")] = 5
    summary_steps: Annotated[int, Meta(ge=0, description="steps between two TensorBoard summaries; 0 writes none")] = 100
    histograms: Annotated[bool, Meta(description="whether summaries include histograms of weights and gradients")] = False
    seed: Annotated[int, Meta(ge=0, lt=2**31, description="seed of initial weights, shuffling and dropout")] = 1
    overhead: Annotated[
        float,
        Meta(
            ge=0,
            description="time for checkpoints, evaluations and exports during a training, as a share of the time in steps; "
            "applies if train.checkpoint_steps or train.eval_seconds is not set; 0 evaluates only at the end; checkpoints may "
            f"always take {cadence.GUARANTEED_CHECKPOINT_SHARE:g}",
        ),
    ] = 0.2
    memory_mb: Annotated[
        int, Meta(ge=0, description="training rows up to this size are held in memory; larger ones are streamed from disk")
    ] = 1024
    keep_trainings: Annotated[
        int,
        Meta(
            ge=0,
            description="number of checkpoint folders of this pipeline's other trainings to keep; remote folders are kept",
        ),
    ] = 5
    grace_seconds: Annotated[
        int, Meta(ge=1, description="time to save a checkpoint and exit after a request to stop, in seconds")
    ] = 25
    stall_seconds: Annotated[
        int,
        Meta(ge=1, description="a training without a step, an evaluated batch or an export for this long counts as stalled"),
    ] = 600
    retries: Annotated[
        int,
        Meta(ge=0, description="how often a stalled or dead process continues from its checkpoint without progress in between"),
    ] = 3
    cluster: Cluster = Cluster()


class TrainSettings(TrainOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of one training, each with a value.

    Attributes:
        checkpoint_steps: None saves a checkpoint about every `cadence.MIN_CHECKPOINT_SECONDS` seconds.
        eval_seconds: None evaluates as often as `overhead` allows.
        fresh_run_id: if not empty, identifies the one run that trains from the beginning and ignores earlier checkpoints.
    """

    steps: Steps
    batch_size: BatchSize
    checkpoint_steps: CheckpointSteps | None
    eval_seconds: EvalSeconds | None
    patience: Patience
    best: Best
    fresh_run_id: str = ""
