"""Runs the DAG as a Beam pipeline, a step a node: TFX's BeamDagRunner, its Beam runner named and its outcome checked."""

from __future__ import annotations

from typing import Any

import apache_beam as beam
from apache_beam.runners.portability import fn_api_runner
from tfx.proto.orchestration import pipeline_pb2

from pipeline import node
from pipeline.errors import NodeFailedError, StoppedError

# Beam's type check cannot express "any number of side inputs".
_OPTIONS = ("--direct_running_mode=in_memory", "--direct_num_workers=1", "--no_pipeline_type_check")


class _Run:
    """What the steps of one run share. Beam pickles its DoFns, so they find it by name; they run in this process."""

    current: _Run | None = None

    def __init__(self, ir: pipeline_pb2.Pipeline, observer: node.Observer) -> None:
        self.ir, self.observer = ir, observer
        self.failure: NodeFailedError | StoppedError | None = None


class _RunNode(beam.DoFn):
    """Runs one node when those before it have run."""

    def __init__(self, node_id: str) -> None:
        self._node_id = node_id

    def process(self, element: Any, *before: Any) -> None:
        shared = _Run.current
        if shared is None or shared.failure or any(list(signal) for signal in before):  # empty; reading one waits for it
            return
        try:
            node.run(shared.ir, self._node_id, shared.observer)
        except (NodeFailedError, StoppedError) as failure:  # Beam would wrap it into text
            shared.failure = failure


def run(ir: pipeline_pb2.Pipeline, observer: node.Observer) -> None:
    """Runs every node.

    Raises:
        pipeline.errors.NodeFailedError: the first node that failed; no other starts after it.
    """
    shared = _Run.current = _Run(ir, observer)
    try:
        with beam.Pipeline(runner=fn_api_runner.FnApiRunner(), argv=list(_OPTIONS)) as pipeline:
            root = pipeline | "Start" >> beam.Create([None])
            signals: dict[str, beam.PCollection[None]] = {}
            for step in (n.pipeline_node for n in ir.nodes):
                node_id = step.node_info.id
                before = [beam.pvalue.AsIter(signals[u]) for u in step.upstream_nodes if u in signals]
                signals[node_id] = root | f"Run {node_id}" >> beam.ParDo(_RunNode(node_id), *before)
    finally:
        _Run.current = None
    if shared.failure:
        raise shared.failure
