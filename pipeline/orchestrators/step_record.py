"""The record of a run whose nodes are separate processes."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from pipeline import graph
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.orchestrators.compiled_pipeline import CompiledPipeline
from pipeline.record import run_record, store
from pipeline.record.run_record import NodeState, RunRecord
from trainer_module.files.paths import is_remote


@contextlib.contextmanager
def opened(compiled: CompiledPipeline, config: PipelineConfig, run_id: str) -> Iterator[RunRecord]:
    """Yields the record of a run, and writes it afterwards.

    If the steps share only object storage, which has no locks, it yields a new record each time and does not write it.
    """
    blank = run_record.new(config, run_id, compiled.code, run_record.ORCHESTRATOR, compiled.upstream)
    if is_remote(config.output_dir):
        yield blank
    else:
        with store.locked(config.output_dir, blank) as record:
            yield record


class StateWriter:
    """Writes the states of nodes into the record of their run."""

    def __init__(self, compiled: CompiledPipeline, config: PipelineConfig, run_id: str) -> None:
        self._compiled, self._config, self._run_id = compiled, config, run_id

    def node(self, node_id: str, state: NodeState, seconds: float) -> None:
        """Writes that a node has entered a state. If the run had ended because this node failed, it continues."""
        with opened(self._compiled, self._config, self._run_id) as record:
            record.enter(node_id, state, seconds)
            if record.finished and all(node.state != "failed" for node in record.nodes):
                record.reopen(graph.descendants(node_id, self._compiled.upstream))


def print_ending(record: RunRecord) -> None:
    """Prints how a run ended, as the last line of a log."""
    print(f"{record.status.capitalize()}. {record.why}", file=sys.stderr, flush=True)
