"""One process of a cluster, as TF_CONFIG describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

CHIEF, WORKER, PS, EVALUATOR = "chief", "worker", "ps", "evaluator"
ROLES = (CHIEF, WORKER, PS, EVALUATOR)


@dataclass(frozen=True)
class ClusterTask:
    """One process of a cluster.

    Attributes:
        role: one of ROLES; TF_CONFIG calls it the type of the task.
        index: number of the process among those of its role.
        cluster: role -> addresses "host:port". The evaluator is not listed: it takes no part in the training.
    """

    role: str
    index: int
    cluster: Mapping[str, Sequence[str]]

    @property
    def name(self) -> str:
        """The name in logs and messages: "worker-1"."""
        return f"{self.role}-{self.index}"

    @property
    def shard(self) -> tuple[int, int]:
        """The shard of the rows on which this process trains: its index, and the number of shards. The chief has shard 0."""
        return self.index + (self.role == WORKER), 1 + len(self.cluster.get(WORKER, ()))

    def others(self, *roles: str) -> dict[str, str]:
        """Returns name -> address of all other processes that have one of these roles."""
        named = {f"{role}-{i}": a for role in roles for i, a in enumerate(self.cluster.get(role, ()))}
        return {name: address for name, address in named.items() if name != self.name}

    def to_json(self) -> str:
        """Returns the value of TF_CONFIG, in the form that all parts of TensorFlow accept."""
        return json.dumps({"cluster": dict(self.cluster), "task": {"type": self.role, "index": self.index}})
