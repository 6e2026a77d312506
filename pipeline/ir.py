"""Compiles a configuration to TFX's intermediate representation (IR), which the runners execute."""

from __future__ import annotations

import msgspec
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration.portable import partial_run_utils, runtime_parameter_utils
from tfx.proto.orchestration import pipeline_pb2

from components.csv_files.errors import InputDataError
from data import discovery
from pipeline import graph, node_ids
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.dag import create_pipeline
from pipeline.errors import InputError, UsageError


def compile_pipeline(config: PipelineConfig, run_id: str) -> pipeline_pb2.Pipeline:
    """Returns the IR of a run of the whole DAG.

    Raises:
        InputError: there is no such data.
    """
    ir = compile_dag(config)
    set_run_id(ir, run_id)
    return ir


def compile_dag(config: PipelineConfig) -> pipeline_pb2.Pipeline:
    """Returns the IR of the whole DAG, still without a run id (see `set_run_id`).

    Raises:
        InputError: there is no such data.
    """
    try:
        return compiler.Compiler().compile(create_pipeline(config))
    except InputDataError as error:
        raise InputError(str(error)) from None


def select_nodes(
    ir: pipeline_pb2.Pipeline, from_node: str | None, to_node: str | None, reused_run_id: str | None = None
) -> None:
    """Marks which nodes of an IR will run. Call it before `set_run_id`.

    Args:
        ir: changed in place.
        from_node: run this node and the nodes that depend on it. The results of the others come from `reused_run_id`.
        to_node: run no node after this node.
        reused_run_id: a run in which all nodes before `from_node` succeeded.

    Raises:
        UsageError: there is no such node.
    """
    known = ids_of_nodes(ir)
    for name in filter(None, (from_node, to_node)):
        if name not in known:
            raise UsageError(graph.unknown_node(name, known))
    settings = pipeline_pb2.SnapshotSettings()
    partial_run_utils.set_base_pipeline_run_strategy(settings, reused_run_id or "")
    partial_run_utils.mark_pipeline(
        ir,
        from_nodes=[from_node, *(n for n in node_ids.RESOLVERS if n in known)] if from_node else None,
        to_nodes=[to_node] if to_node else None,
        snapshot_settings=settings,
    )


def set_run_id(ir: pipeline_pb2.Pipeline, run_id: str) -> None:
    """Replaces every reference to the run id in an IR."""
    runtime_parameter_utils.substitute_runtime_parameter(ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id})


def ids_of_nodes(ir: pipeline_pb2.Pipeline) -> list[str]:
    """Returns the ids of the nodes in topological order."""
    return [n.pipeline_node.node_info.id for n in ir.nodes]


def upstream_of(ir: pipeline_pb2.Pipeline) -> dict[str, list[str]]:
    """Returns node id -> ids of the nodes that must run before it, in topological order."""
    return {n.pipeline_node.node_info.id: sorted(n.pipeline_node.upstream_nodes) for n in ir.nodes}


def upstream(config: PipelineConfig) -> dict[str, list[str]]:
    """Returns `upstream_of` the DAG of a configuration. The data need not exist on this machine.

    Raises:
        InputError: the braces in the path of the data hold something other than a span.
    """
    return upstream_of(compile_dag(without_data(config)))


def without_data(config: PipelineConfig) -> PipelineConfig:
    """Returns a configuration that compiles to the same DAG on a machine without the data, which only ExampleGen reads."""
    if config.has_spans:  # compiling does not look at the files of spans
        return config
    return msgspec.structs.replace(config, data_path=str(discovery.sample_path(config.dataset)))
