"""run.json: the machine-readable record of a run, whole at any moment."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

import msgspec

from components.decision import Verdict
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.record import states
from trainer_module.files import atomic, lock

SCHEMA_VERSION = 1
FILE = "run.json"

# Runs its nodes as processes of their own: the run is at work between two of them as well.
ORCHESTRATOR = "orchestrator"

Status = Literal["running", "pushed", "refused", "failed", "interrupted", "unchanged"]


class NodeRecord(msgspec.Struct):
    """One node. `cached`: its result is that of an earlier run."""

    id: str
    state: str = states.WAITING
    seconds: float = 0.0
    cached: bool = False


class GateRecord(msgspec.Struct):
    """What one gate decided. metric, slice, value and bound: of its first refusal that compared a metric."""

    id: str
    decision: Verdict
    why: str
    warnings: list[str] = []
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
    runner: str = ""  # what runs its nodes
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

    def enter(self, node_id: str, state: str, seconds: float) -> None:
        """A node has entered a state."""
        entry = self.node(node_id)
        entry.state, entry.seconds = state, round(seconds, 2)
        entry.cached = state in (states.CACHED, states.REUSED)
        self._count_seconds()

    def node(self, node_id: str) -> NodeRecord:
        """Returns the record of a node."""
        return next(n for n in self.nodes if n.id == node_id)

    @property
    def over(self) -> bool:
        """Whether no node is waiting or running."""
        return not {states.WAITING, states.RUNNING} & {n.state for n in self.nodes}

    def finish(self, status: Status, exit_code: int, why: str) -> None:
        """Ends the record."""
        self.status, self.exit_code, self.why = status, exit_code, why
        self.finished = _now().isoformat(timespec="microseconds")
        for entry in self.nodes:
            if entry.state == states.WAITING:
                entry.state = states.SKIPPED
        self._count_seconds()

    def reopen(self, behind: Collection[str]) -> None:
        """The run goes on: a node is tried again, and those behind it are still to come."""
        self.status, self.exit_code, self.why, self.finished = "running", None, "", None
        for entry in self.nodes:
            if entry.id in behind and entry.state == states.SKIPPED:
                entry.state = states.WAITING

    def _count_seconds(self) -> None:
        self.seconds = round((_now() - datetime.fromisoformat(self.started)).total_seconds(), 2)


def new(config: PipelineConfig, run_id: str, code: str, runner: str, node_ids: Iterable[str] = ()) -> RunRecord:
    """Returns the record of a run that begins; `code` is a hash of what runs, `runner` says what runs its nodes."""
    return RunRecord(
        run_id=run_id,
        dataset=config.dataset_name,
        model=config.model_name,
        code=code,
        data=config.data_path,
        runner=runner,
        started=_now().isoformat(timespec="microseconds"),
        nodes=[NodeRecord(id=node_id) for node_id in node_ids],
    )


class Recorder:
    """Keeps the record of a run whose nodes are run by this process on disk.

    It is `runs/<run_id>/run.json` and, a copy, `run.json`.
    """

    def __init__(self, config: PipelineConfig, run_id: str, code: str, runner: str) -> None:
        """Begins the record of a new run: see `new`."""
        self._output_dir = config.output_dir
        self.record = new(config, run_id, code, runner)

    def begin(self, node_ids: Iterable[str]) -> None:
        """Lists the nodes to come."""
        self.record.nodes = [NodeRecord(id=i) for i in node_ids]
        self.write()

    def node(self, node_id: str, state: str, seconds: float) -> None:
        """Observer: a node has entered a state."""
        self.record.enter(node_id, state, seconds)
        self.write()

    def finish(self, status: Status, exit_code: int, why: str) -> None:
        """Ends the record."""
        self.record.finish(status, exit_code, why)
        self.write()

    def write(self) -> None:
        """Writes both files, each in one step: a reader sees the old text or the new one."""
        _write(self.record, self._output_dir, newest=True)


@contextlib.contextmanager
def shared(output_dir: str, blank: RunRecord) -> Iterator[RunRecord]:
    """Yields the record of a run whose nodes are processes of their own, and writes it afterwards; one of them at a time.

    Args:
        output_dir: folder on a disk that all of them see.
        blank: its record if it has none yet.
    """
    path = _path(output_dir, blank.run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock.open_locked(path.parent / lock.FILE, wait=True):
        record = _read(path) or blank
        yield record
        _write(record, output_dir, newest=next(earlier(output_dir), record).started <= record.started)


def publish(output_dir: str, record: RunRecord) -> None:
    """Writes the record of a run that has ended to object storage.

    Raises:
        tf.errors.OpError: it cannot be written.
    """
    from tfx.dsl.io import fileio

    newest = f"{output_dir}/{FILE}"
    places = [f"{output_dir}/runs/{record.run_id}/{FILE}"]
    with contextlib.suppress(msgspec.DecodeError):
        written = fileio.open(newest, "rb").read() if fileio.exists(newest) else b""
        if not written or msgspec.json.decode(written, type=RunRecord).started <= record.started:
            places.append(newest)
    for place in places:
        atomic.write(place, _text(record))


def rewrite(output_dir: str, record: RunRecord) -> None:
    """Writes the record of an earlier run once more."""
    current = _read(Path(output_dir, FILE))
    _write(record, output_dir, newest=current is not None and current.run_id == record.run_id)


def earlier(output_dir: str) -> Iterator[RunRecord]:
    """Yields the records of an output folder, newest first; one that cannot be read is passed over."""
    found = filter(None, (_read(path) for path in Path(output_dir).glob(f"runs/*/{FILE}")))
    yield from sorted(found, key=lambda record: (record.started, record.run_id), reverse=True)


def _write(record: RunRecord, output_dir: str, *, newest: bool) -> None:
    for path in (_path(output_dir, record.run_id), *([Path(output_dir, FILE)] if newest else [])):
        atomic.write(path, _text(record))


def _text(record: RunRecord) -> bytes:
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def _read(path: Path) -> RunRecord | None:
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, OSError):
        return msgspec.json.decode(path.read_bytes(), type=RunRecord)
    return None


def _path(output_dir: str, run_id: str) -> Path:
    return Path(output_dir, "runs", run_id, FILE)


def _now() -> datetime:
    return datetime.now(timezone.utc)
