"""[train] and [tune]."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from pipeline.config.table import FROM_DATASET, Table


class Cluster(Table, frozen=True):
    """[train.cluster]: how many processes train together, and how."""

    workers: Annotated[int, Meta(ge=0, description="processes that train, beside the chief; 0 trains in the Trainer's own")] = 0
    ps: Annotated[int, Meta(ge=0, description="parameter servers")] = 0
    strategy: Annotated[
        Literal["parameter_server", "multi_worker_mirrored", "mirrored"],
        Meta(
            description="parameter_server trains asynchronously and bears the loss of any role; multi_worker_mirrored takes "
            "every step together; mirrored is one process with several devices"
        ),
    ] = "parameter_server"
    devices: Annotated[int, Meta(ge=0, description="of mirrored: so many; 0 is all GPUs. Without GPUs the CPU is divided")] = 0
    start_seconds: Annotated[int, Meta(ge=1, description="within that time a role is to have started")] = 120


class Train(Table, frozen=True):
    """[train]: how long, how often, and which model comes out of it."""

    steps: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description=f"steps to train, at most{FROM_DATASET}")] = None
    batch_size: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description=f"rows a step{FROM_DATASET}")] = None
    checkpoint_steps: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description=f"steps between two checkpoints{FROM_DATASET}, else 10 seconds"),
    ] = None
    eval_seconds: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(
            description="least time between two evaluations on the way, in seconds; 0 evaluates every checkpoint"
            f"{FROM_DATASET}, else as often as train.overhead allows"
        ),
    ] = None
    patience: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description=f"steps without a better train.best that end a training; 0 trains all steps{FROM_DATASET}"),
    ] = None
    best: Annotated[
        str | None, Meta(description=f"metric by which one checkpoint is better than another{FROM_DATASET}, or its task")
    ] = None
    export: Annotated[
        Literal["best", "latest", "final"],
        Meta(
            description="which checkpoint's model is judged and pushed: the best one's (exported whenever it is beaten), the "
            "latest one's (exported at every evaluation), or the final one's (exported once)"
        ),
    ] = "best"
    keep_checkpoints: Annotated[int, Meta(ge=1, description="newest checkpoints that stay on disk, beside the best one")] = 5
    summary_steps: Annotated[int, Meta(ge=0, description="steps between two TensorBoard summaries; 0 writes none")] = 100
    histograms: Annotated[bool, Meta(description="whether summaries include histograms of weights and gradients")] = False
    seed: Annotated[int, Meta(ge=0, lt=2**31, description="of initial weights, shuffling and dropout")] = 1
    overhead: Annotated[
        float,
        Meta(
            ge=0,
            description="what checkpoints, evaluations and exports on the way may take, as a share of the time in steps, where "
            "train.checkpoint_steps and train.eval_seconds do not say; 0 evaluates at the end only. Checkpoints may take 0.02 "
            "in any case",
        ),
    ] = 0.2
    memory_mb: Annotated[
        int, Meta(ge=0, description="training rows that need no more memory are held in it; more are streamed from disk")
    ] = 1024
    resume: Annotated[bool, Meta(description="whether a training goes on from its checkpoints; false starts it anew")] = True
    warm_start: Annotated[bool, Meta(description="whether a new training begins with the latest blessed model's weights")] = (
        False
    )
    checkpoints: Annotated[
        str | None,
        Meta(description="folder of the checkpoints, which outlive an attempt; by default <output_dir>/checkpoints"),
    ] = None
    keep_trainings: Annotated[
        int, Meta(ge=0, description="checkpoint folders of this pipeline's other trainings that stay; remote ones all do")
    ] = 5
    grace_seconds: Annotated[
        int, Meta(ge=1, description="how long saving a checkpoint and leaving may take when the process is asked to end")
    ] = 25
    stall_seconds: Annotated[
        int, Meta(ge=1, description="a training without a step, an evaluated batch or an export for so long counts as stuck")
    ] = 600
    retries: Annotated[
        int, Meta(ge=0, description="how often what is stuck or has died goes on from the checkpoint, without progress between")
    ] = 3
    cluster: Cluster = Cluster()


class Tune(Table, frozen=True):
    """[tune]: the search for hyper-parameters, before the training."""

    trials: Annotated[
        int, Meta(ge=0, description="trainings to search with, with those of earlier runs; 0 does not search")
    ] = 0
    reuse: Annotated[
        bool, Meta(description="whether a run without a search takes the values that the newest one has found for its model")
    ] = True
    oracle: Annotated[
        Literal["bayesian", "random", "hyperband"],
        Meta(
            description="what chooses the values: a Gaussian process, chance, or chance with most steps for the best (then a "
            "trial that goes on with more steps counts as another one)"
        ),
    ] = "bayesian"
    parallel: Annotated[int, Meta(ge=1, description="trials at a time, each in a process of its own")] = 1
    steps: Annotated[Annotated[int, Meta(ge=1)] | None, Meta(description="of a trial, at most; by default train.steps")] = None
    objective: Annotated[
        str | None, Meta(description="metric by which one trial is better than another; by default train.best")
    ] = None
    seed: Annotated[int, Meta(ge=0, lt=2**31, description="of the values that are tried")] = 1
    factor: Annotated[
        int, Meta(ge=2, description="of hyperband: one of so many trials goes on, with so many times the steps")
    ] = 3
    stop_early: Annotated[
        bool, Meta(description="whether a trial ends that does worse than most did at its step (not with hyperband)")
    ] = True
    evaluations: Annotated[int, Meta(ge=1, description="how often a trial is evaluated, at equal distances")] = 5
