"""From a configuration to TFX's intermediate representation, ready for a local runner."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration.portable import partial_run_utils, runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2

from components.csv_files.format import InputDataError
from data import discovery
from pipeline import node_ids as ids
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.dag import create_pipeline
from pipeline.errors import InputError, UsageError


def compile_pipeline(
    config: PipelineConfig,
    run_id: str,
    from_node: str | None = None,
    to_node: str | None = None,
    base_run_id: str | None = None,
) -> pipeline_pb2.Pipeline:
    """Returns the IR of one run.

    Args:
        config: the configuration.
        run_id: of the run.
        from_node: run this node and what depends on it; the rest is taken over from `base_run_id`.
        to_node: run nothing behind this node.
        base_run_id: a run whose nodes before `from_node` all succeeded.

    Raises:
        UsageError: there is no such node.
        InputError: there is no such data.
    """
    ir = _compile(config)
    if from_node or to_node:
        known = node_ids(ir)
        for name in filter(None, (from_node, to_node)):
            if name not in known:
                raise UsageError(f"There is no node '{name}'. The nodes are: {', '.join(known)}.")
        settings = pipeline_pb2.SnapshotSettings()
        partial_run_utils.set_base_pipeline_run_strategy(settings, base_run_id or "")
        partial_run_utils.mark_pipeline(
            ir,
            from_nodes=[from_node, *(n for n in ids.RESOLVERS if n in known)] if from_node else None,
            to_nodes=[to_node] if to_node else None,
            snapshot_settings=settings,
        )
    runtime_parameter_utils.substitute_runtime_parameter(ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id})
    return ir


def needs(config: PipelineConfig) -> dict[str, list[str]]:
    """Returns node id -> ids of the nodes that must have run before, in topological order.

    Raises:
        InputError: a path of data with braces has something else in them than a span.
    """
    ir = _compile(without_data(config))
    return {n.pipeline_node.node_info.id: sorted(n.pipeline_node.upstream_nodes) for n in ir.nodes}


def without_data(config: PipelineConfig) -> PipelineConfig:
    """Returns a configuration whose DAG is the same, but for what reads the data: only its reader needs to see that."""
    if config.has_spans:  # its files are not looked at
        return config
    return msgspec.structs.replace(config, data_path=str(discovery.sample_path(config.dataset)))


def _compile(config: PipelineConfig) -> pipeline_pb2.Pipeline:
    try:
        return compiler.Compiler().compile(create_pipeline(config))
    except InputDataError as error:
        raise InputError(str(error)) from None


def node_ids(ir: pipeline_pb2.Pipeline) -> Sequence[str]:
    """Returns the ids of the nodes in topological order."""
    return [n.pipeline_node.node_info.id for n in ir.nodes]
