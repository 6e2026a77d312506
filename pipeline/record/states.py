"""The states of a node in a run."""

from __future__ import annotations

WAITING, RUNNING, DONE, CACHED, REUSED, SKIPPED, FAILED = (
    "waiting", "running", "done", "cached", "reused", "skipped", "failed",
)  # fmt: skip
