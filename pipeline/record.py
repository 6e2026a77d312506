"""run.json: the machine-readable record of a run, whole at any moment."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

import msgspec

from pipeline import node
from pipeline.config import PipelineConfig

SCHEMA_VERSION = 1
FILE = "run.json"

Status = Literal["running", "pushed", "refused", "failed", "interrupted", "unchanged"]


class NodeRecord(msgspec.Struct):
    """One node. `cached`: its result is that of an earlier run."""

    id: str
    state: str = node.WAITING
    seconds: float = 0.0
    cached: bool = False


class GateRecord(msgspec.Struct):
    """What one gate decided; metric, slice, value and bound of its first refusal that has them."""

    id: str
    decision: str
    why: str
    metric: str | None = None
    slice: str | None = None
    value: float | None = None
    bound: float | None = None


class RunRecord(msgspec.Struct):
    """The record. Keys and meaning are stable: scripts and schedules read them."""

    run_id: str
    dataset: str
    model: str
    code: str
    data: str
    schema_version: int = SCHEMA_VERSION
    status: Status = "running"
    exit_code: int | None = None
    started: str = ""
    finished: str | None = None
    seconds: float = 0.0
    nodes: list[NodeRecord] = []
    rows: dict[str, int] = {}
    train: dict[str, Any] = {}
    hyperparameters: dict[str, Any] = {}
    trials: list[Any] = []
    metrics: dict[str, float | None] = {}
    gates: list[GateRecord] = []
    blessed: bool | None = None
    baseline: dict[str, str | None] | None = None
    why: str = ""
    pushed_path: str | None = None
    plot: str | None = None
    trials_plot: str | None = None


class Recorder:
    """Keeps the record of a running run on disk, in `runs/<run_id>/run.json` and, a copy, in `run.json`."""

    def __init__(self, config: PipelineConfig, run_id: str, code: str) -> None:
        """Begins the record of a new run; `code` is a hash of what runs."""
        self._root = Path(config.output_dir)
        self._started = time.monotonic()
        self.record = RunRecord(
            run_id=run_id,
            dataset=config.dataset,
            model=config.model,
            code=code,
            data=config.data_path,
            started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        )

    def begin(self, node_ids: list[str]) -> None:
        """Lists the nodes to come."""
        self.record.nodes = [NodeRecord(id=i) for i in node_ids]
        self.write()

    def node(self, node_id: str, state: str, seconds: float) -> None:
        """Observer: a node has entered a state."""
        entry = next(n for n in self.record.nodes if n.id == node_id)
        entry.state, entry.seconds = state, round(seconds, 2)
        entry.cached = state in (node.CACHED, node.REUSED)
        self.write()

    def finish(self, status: Status, exit_code: int, why: str) -> None:
        """Ends the record."""
        self.record.status, self.record.exit_code, self.record.why = status, exit_code, why
        self.record.finished = datetime.now(timezone.utc).isoformat(timespec="seconds")
        for entry in self.record.nodes:
            if entry.state == node.WAITING:
                entry.state = node.SKIPPED
        self.write()

    def write(self) -> None:
        """Writes both files, each in one step: a reader sees the old text or the new one."""
        self.record.seconds = round(time.monotonic() - self._started, 2)
        text = msgspec.json.format(msgspec.json.encode(self.record), indent=2)
        for path in (self._root / "runs" / self.record.run_id / FILE, self._root / FILE):
            path.parent.mkdir(parents=True, exist_ok=True)
            hidden = path.with_name(f".{path.name}.{os.getpid()}")
            hidden.write_bytes(text + b"\n")
            hidden.replace(path)


def earlier(output_dir: str) -> Iterator[RunRecord]:
    """Yields the records of an output folder, newest first; one that cannot be read is passed over."""
    for path in sorted(Path(output_dir).glob(f"runs/*/{FILE}"), reverse=True):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, OSError):
            yield msgspec.json.decode(path.read_bytes(), type=RunRecord)
