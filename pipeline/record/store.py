"""Keeps the records of an output folder: `runs/<run_id>/run.json` of each run, and `run.json`, a copy of the newest one.

Each file is replaced atomically: a reader sees the complete old text or the complete new text.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from pipeline.config.pipeline_config import PipelineConfig
from pipeline.record import run_record
from pipeline.record.run_record import NodeRecord, NodeState, RunRecord, Status
from trainer_module.files import atomic, lock

FILE = "run.json"


class Recorder:
    """Keeps the record of a run whose nodes all run in this process. It is an observer of the nodes."""

    def __init__(self, config: PipelineConfig, run_id: str, code: str, runner: str) -> None:
        """Begins a record: see `run_record.new`. The first file is written by `begin`."""
        self._output_dir = config.output_dir
        self.record = run_record.new(config, run_id, code, runner)

    def begin(self, node_ids: Iterable[str]) -> None:
        """Lists the nodes of the run, all waiting, and writes the first files."""
        self.record.nodes = [NodeRecord(id=node_id) for node_id in node_ids]
        self.write()

    def node(self, node_id: str, state: NodeState, seconds: float) -> None:
        """Writes that a node has entered a state."""
        self.record.enter(node_id, state, seconds)
        self.write()

    def finish(self, status: Status, exit_code: int, why: str) -> None:
        """Finishes the record and writes it."""
        self.record.finish(status, exit_code, why)
        self.write()

    def write(self) -> None:
        """Writes both files. (The lock of the output folder ensures that no newer run has begun.)"""
        _write(self.record, self._output_dir, newest=True)


@contextlib.contextmanager
def locked(output_dir: str, blank: RunRecord) -> Iterator[RunRecord]:
    """Yields the record of a run whose nodes are separate processes, and writes it afterwards.

    It holds a lock meanwhile. It is called at every event of a node, and an output folder may have thousands of runs. So it
    reads the records of other runs only if `run.json` is missing or unreadable.

    Args:
        output_dir: folder on a disk that all processes of the run share.
        blank: the record to start with if the run has no record yet.
    """
    path = _path(output_dir, blank.run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock.open_locked(path.parent / lock.FILE, wait=True):
        record = _read(path) or blank
        yield record
        newest = _read(Path(output_dir, FILE)) or next(newest_first(output_dir), record)
        _write(record, output_dir, newest=newest.started <= record.started)


def publish(output_dir: str, record: RunRecord) -> None:
    """Writes the record of a run that has ended to object storage.

    Raises:
        tf.errors.OpError: it cannot be written.
    """
    from tfx.dsl.io import fileio

    copy = f"{output_dir}/{FILE}"
    paths = [f"{output_dir}/runs/{record.run_id}/{FILE}"]
    with contextlib.suppress(msgspec.DecodeError):
        text = fileio.open(copy, "rb").read() if fileio.exists(copy) else b""
        if not text or msgspec.json.decode(text, type=RunRecord).started <= record.started:
            paths.append(copy)
    for path in paths:
        fileio.makedirs(path.rpartition("/")[0])
        with fileio.open(path, "wb") as file:  # object storage takes a file whole, or not at all
            file.write(_text(record))


def rewrite(output_dir: str, record: RunRecord) -> None:
    """Replaces the record of an earlier run, and also the copy if it belongs to that run."""
    copy = _read(Path(output_dir, FILE))
    _write(record, output_dir, newest=copy is not None and copy.run_id == record.run_id)


def newest_first(output_dir: str) -> Iterator[RunRecord]:
    """Yields the records of an output folder, newest run first. Skips files that cannot be read as a record."""
    records = filter(None, (_read(path) for path in Path(output_dir).glob(f"runs/*/{FILE}")))
    yield from sorted(records, key=lambda record: (record.started, record.run_id), reverse=True)


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
