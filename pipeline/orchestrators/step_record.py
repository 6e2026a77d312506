"""The record of a run whose nodes are processes of their own."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from pipeline import graph
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.orchestrators.compiled_pipeline import CompiledPipeline
from pipeline.record import run_record, states
from pipeline.record.run_record import RunRecord
from trainer_module.files.paths import is_remote


@contextlib.contextmanager
def opened(compiled: CompiledPipeline, config: PipelineConfig, run_id: str) -> Iterator[RunRecord]:
    """The record of the run; where all that steps share is object storage, a blank one that is lost afterwards."""
    blank = run_record.new(config, run_id, compiled.code, run_record.ORCHESTRATOR, compiled.needs)
    if not is_remote(config.output_dir):
        with run_record.shared(config.output_dir, blank) as kept:
            yield kept
    else:
        yield blank


class Observer:
    """Writes down what becomes of a node."""

    def __init__(self, compiled: CompiledPipeline, config: PipelineConfig, run_id: str) -> None:
        self._of, self._needs = (compiled, config, run_id), compiled.needs

    def node(self, node_id: str, state: str, seconds: float) -> None:
        """A node has entered a state."""
        with opened(*self._of) as kept:
            kept.enter(node_id, state, seconds)
            if kept.finished and all(n.state != states.FAILED for n in kept.nodes):  # what had ended the run is tried again
                kept.reopen([n for n in self._needs if node_id in graph.ancestors(n, self._needs)])


def say(kept: RunRecord) -> None:
    """Says what a run has come to, as the last words of a log."""
    print(f"{kept.status.capitalize()}. {kept.why}", file=sys.stderr, flush=True)
