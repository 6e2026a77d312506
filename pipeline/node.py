"""One node of a compiled pipeline: launch it, and learn from MLMD what really became of it."""

from __future__ import annotations

import posixpath
import time
from typing import Any, Protocol, TypeAlias

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.io import fileio
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import launcher, partial_run_utils
from tfx.orchestration.portable.mlmd import context_lib, execution_lib
from tfx.proto.orchestration import pipeline_pb2

from pipeline.errors import NodeFailedError

# States of a node.
WAITING, RUNNING, DONE, CACHED, REUSED, SKIPPED, FAILED = (
    "waiting", "running", "done", "cached", "reused", "skipped", "failed",
)  # fmt: skip

_Execution: TypeAlias = metadata_store_pb2.Execution


class Observer(Protocol):
    """Whoever is told what happens to the nodes."""

    def node(self, node_id: str, state: str, seconds: float) -> None:
        """A node has entered a state; `seconds` is how long it ran."""


def run(ir: pipeline_pb2.Pipeline, node_id: str, observer: Observer) -> None:
    """Runs one node.

    Raises:
        NodeFailedError: the executor raised, or its inputs could not be resolved. (TFX's runners return normally then.)
    """
    node = next(n.pipeline_node for n in ir.nodes if n.pipeline_node.node_info.id == node_id)
    connection = connection_config(ir)
    started = time.monotonic()
    observer.node(node_id, RUNNING, 0.0)
    try:
        if node.execution_options.HasField("skip"):
            needed = node.execution_options.skip.reuse_artifacts_mode == pipeline_pb2.NodeExecutionOptions.Skip.REQUIRED
            state = REUSED if needed else SKIPPED
        elif _behind_skipped(ir, node, connection):
            state = SKIPPED
        else:
            if node.execution_options.run.perform_snapshot:
                with metadata.Metadata(connection) as handle:
                    partial_run_utils.snapshot(handle, ir)
            _launch(ir, node, connection)
            state = _state(node, connection)
    except Exception as error:
        observer.node(node_id, FAILED, time.monotonic() - started)
        raise NodeFailedError(node_id, f"{type(error).__name__}: {error}") from error
    except BaseException:  # Ctrl-C and SIGTERM, which TFX's launcher does not catch: it would stay RUNNING for ever
        _cancel(ir, node, connection)
        observer.node(node_id, FAILED, time.monotonic() - started)
        raise
    observer.node(node_id, state, time.monotonic() - started)
    if state == FAILED:
        raise NodeFailedError(node_id, "its inputs could not be resolved: a node before it has left nothing.")


def connection_config(ir: pipeline_pb2.Pipeline) -> metadata_store_pb2.ConnectionConfig:
    """Returns where the metadata of a compiled pipeline are."""
    config = runner_utils.extract_local_deployment_config(ir).metadata_connection_config
    return getattr(config, config.WhichOneof("connection_config"))


def _launch(ir: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode, connection: Any) -> None:
    deployment = runner_utils.extract_local_deployment_config(ir)
    launcher.Launcher(
        pipeline_node=node,
        mlmd_connection=metadata.Metadata(connection),
        pipeline_info=ir.pipeline_info,
        pipeline_runtime_spec=ir.runtime_spec,
        executor_spec=runner_utils.extract_executor_spec(deployment, node.node_info.id),
        custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node.node_info.id),
    ).launch()


def _executions(handle: metadata.Metadata, node: pipeline_pb2.PipelineNode) -> list[_Execution]:
    contexts = context_lib.prepare_contexts(handle, node.contexts)
    return execution_lib.get_executions_associated_with_all_contexts(handle, contexts)


def _state(node: pipeline_pb2.PipelineNode, connection: Any) -> str:
    with metadata.Metadata(connection) as handle:
        executions = _executions(handle, node)
    if not executions:
        return SKIPPED  # the condition it stands under did not hold
    last = max(executions, key=lambda e: e.id).last_known_state
    return {_Execution.COMPLETE: DONE, _Execution.CACHED: CACHED}.get(last, FAILED)


def _behind_skipped(ir: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode, connection: Any) -> bool:
    """Whether a node that this one needs was skipped in this run.

    TFX evaluates the conditions of a node in no particular order, and fails on one whose artifact is not there because
    the node that decides was skipped itself.
    """
    before = [n.pipeline_node for n in ir.nodes if n.pipeline_node.node_info.id in node.upstream_nodes]
    with metadata.Metadata(connection) as handle:
        return any(not b.execution_options.HasField("skip") and not _executions(handle, b) for b in before)


def _cancel(ir: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode, connection: Any) -> None:
    """Says in MLMD that an execution was ended, and removes what it has left half-written."""
    root = ir.runtime_spec.pipeline_root.field_value.string_value
    with metadata.Metadata(connection) as handle:
        running = [e for e in _executions(handle, node) if execution_lib.is_execution_active(e)]
        for execution in running:
            execution.last_known_state = _Execution.CANCELED
            for output in fileio.glob(posixpath.join(root, node.node_info.id, "*", str(execution.id))):
                fileio.rmtree(output)
        if running:
            handle.store.put_executions(running)
