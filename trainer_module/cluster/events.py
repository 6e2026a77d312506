"""Events of a cluster that the supervisor attaches to its log records as `event`, for programs that follow a training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ProcessStarted:
    """A process of the cluster was started, for the first time or again.

    Attributes:
        name: name of the process, like "worker-1".
        pid: its process id.
    """

    name: str
    pid: int


@dataclass(frozen=True)
class StepsLost:
    """The training continues from a checkpoint that is older than the last step.

    Attributes:
        steps: number of steps that must be taken again.
    """

    steps: int
