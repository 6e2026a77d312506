"""Runs the DAG as a Beam pipeline with one step for each node, as TFX's BeamDagRunner does.

TFX's runner leaves the choice of the Beam runner to the environment, and does not check how the nodes ended.
"""

from __future__ import annotations

from typing import Any

import apache_beam as beam
from apache_beam.runners.portability import fn_api_runner

from pipeline.config.run_tables import IN_PROCESS
from pipeline.errors import NodeFailedError, StoppedError
from pipeline.execution.nodes import Nodes

# Beam's type check cannot express "any number of side inputs".
_OPTIONS = (*IN_PROCESS, "--no_pipeline_type_check")


class _Run:
    """The state that all steps of a run share. Beam pickles its DoFns, so they cannot hold it: they read it by name."""

    current: _Run | None = None

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self.failure: NodeFailedError | StoppedError | None = None


class _RunNode(beam.DoFn):
    """Runs one node after the nodes that it needs."""

    def __init__(self, node_id: str) -> None:
        self._node_id = node_id

    def process(self, element: Any, *upstream: Any) -> None:
        state = _Run.current
        if state is None or state.failure or any(list(signal) for signal in upstream):  # empty; reading one waits for its node
            return
        try:
            state.nodes.run(self._node_id)
        except (NodeFailedError, StoppedError) as failure:  # Beam would turn it into text
            state.failure = failure


def run(nodes: Nodes, parallel: int = 1) -> None:
    """Runs every node, one after another: Beam's in-process runner does not run steps in parallel, whatever `parallel` is.

    Raises:
        pipeline.errors.NodeFailedError: a node failed. No other node starts after it.
        pipeline.errors.StoppedError: a signal ended the run.
    """
    state = _Run.current = _Run(nodes)
    try:
        with beam.Pipeline(runner=fn_api_runner.FnApiRunner(), argv=list(_OPTIONS)) as pipeline:
            root = pipeline | "Start" >> beam.Create([None])
            signals: dict[str, beam.PCollection[None]] = {}
            for node_id, upstream in nodes.upstream.items():
                inputs = [beam.pvalue.AsIter(signals[n]) for n in sorted(upstream) if n in signals]
                signals[node_id] = root | f"Run {node_id}" >> beam.ParDo(_RunNode(node_id), *inputs)
    finally:
        _Run.current = None
    if state.failure:
        raise state.failure
