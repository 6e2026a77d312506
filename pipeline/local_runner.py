"""Runs the DAG in this process, one node after another."""

from __future__ import annotations

from tfx.proto.orchestration import pipeline_pb2

from pipeline import compiled, node


def run(ir: pipeline_pb2.Pipeline, observer: node.Observer) -> None:
    """Runs every node in topological order.

    TFX's LocalDagRunner does the same, but does not say which node failed, and returns normally where one could not
    resolve its inputs.

    Raises:
        pipeline.errors.NodeFailedError: the first node that failed; those behind it do not start.
    """
    for node_id in compiled.node_ids(ir):
        node.run(ir, node_id, observer)
