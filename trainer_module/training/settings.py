"""How to train: plain values, the same in a configuration, a Trainer's `custom_config` and the processes of a cluster."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Strategy = Literal["parameter_server", "multi_worker_mirrored", "mirrored"]
Export = Literal["best", "latest", "final"]


@dataclass(frozen=True)
class Cluster:
    """How many processes train together, and how. By default it is one.

    Attributes:
        workers: processes that train, beside the chief.
        ps: parameter servers.
        strategy: "parameter_server" trains asynchronously; "multi_worker_mirrored" takes each step together;
            "mirrored" is one process with several devices.
        devices: of "mirrored": so many; 0 takes all GPUs. Without GPUs the CPU is divided.
        start_seconds: within that time a role is to have started.
    """

    workers: int = 0
    ps: int = 0
    strategy: Strategy = "parameter_server"
    devices: int = 0
    start_seconds: int = 120

    @property
    def alone(self) -> bool:
        """Whether the process of the Trainer trains by itself."""
        return not self.workers and not self.ps and self.strategy != "mirrored"

    @property
    def overshoot(self) -> int:
        """Steps that a training may take beyond its last one: each worker may be in the middle of one."""
        return self.workers if self.strategy == "parameter_server" else 0


@dataclass(frozen=True)
class Settings:
    """A training's settings, every default filled in. `pipeline/config/tables.py` says what each means to a user.

    Attributes:
        steps: the global step at which it ends, at the latest.
        batch_size: rows a step.
        seed: of initial weights, order of the rows, dropout.
        best: the metric by which one checkpoint is better than another.
        patience: steps without a better one after which it ends; 0 trains all steps.
        export: which checkpoint's model is handed on.
        checkpoint_steps: steps between two checkpoints; None adapts to what they cost.
        eval_seconds: at least that long between two evaluations on the way; None adapts to what they cost.
        overhead: what checkpoints, evaluations and exports on the way may take, as a share of the time in steps; 0 evaluates
            at the end only, and checkpoints take a fiftieth in any case.
        keep_checkpoints: newest ones that stay on disk.
        summary_steps: steps between two TensorBoard summaries; 0 writes none.
        histograms: whether summaries include histograms.
        memory_mb: training rows are held in memory if they need no more than that.
        grace_seconds: how long leaving may take, when the process is asked to end.
        stall_seconds: without a step, an evaluated batch or an export for so long, a training counts as stuck.
        retries: how often a training that is stuck, or whose processes end, is continued from its checkpoint.
        keep_trainings: checkpoint folders of other trainings that stay on disk.
        fresh: if not empty, what identifies the one run that starts anew, whatever checkpoints there are.
        cluster: how many processes.
    """

    steps: int
    batch_size: int
    seed: int = 1
    best: str = "loss"
    patience: int = 0
    export: Export = "best"
    checkpoint_steps: int | None = None
    eval_seconds: int | None = None
    overhead: float = 0.2
    keep_checkpoints: int = 5
    summary_steps: int = 100
    histograms: bool = False
    memory_mb: int = 1024
    grace_seconds: int = 25
    stall_seconds: int = 600
    retries: int = 3
    keep_trainings: int = 5
    fresh: str = ""
    cluster: Cluster = field(default_factory=Cluster)
