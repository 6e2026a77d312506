"""The nodes of a compiled pipeline: launches a node, then reads from MLMD how it ended."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Protocol, TypeAlias

from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import partial_run_utils
from tfx.orchestration.portable.mlmd import context_lib, execution_lib
from tfx.proto.orchestration import pipeline_pb2

from pipeline.errors import NodeFailedError
from pipeline.execution import cleanup, retry
from pipeline.execution.launcher import StoppableLauncher
from pipeline.metadata import connection as metadata_store
from pipeline.record.run_record import NodeState

_Execution: TypeAlias = metadata_store_pb2.Execution


class NodeObserver(Protocol):
    """Receives a call for every change of a node's state."""

    def node(self, node_id: str, state: NodeState, seconds: float) -> None:
        """Called when a node has entered a state; `seconds` is how long it ran."""


@dataclass(frozen=True)
class Nodes:
    """The nodes of one run. A runner calls `run` for each node, after the nodes that it needs have run.

    Attributes:
        ir: the compiled pipeline, with its runtime parameters filled in.
        connection: a connection to MLMD.
        observer: receives the changes of the nodes' states, possibly from several threads.
        retries: how often a node runs again after a transient failure.
        retry_seconds: the wait before the first retry. Each later wait is twice as long.
    """

    ir: pipeline_pb2.Pipeline
    connection: metadata_store.Connection
    observer: NodeObserver
    retries: int = 0
    retry_seconds: float = 0.0
    _stopped: set[str] = field(default_factory=set, init=False)
    _publishing: threading.Lock = field(default_factory=threading.Lock, init=False)

    @property
    def upstream(self) -> dict[str, set[str]]:
        """Node id -> ids of the nodes that must run before it, in topological order."""
        return {n.pipeline_node.node_info.id: set(n.pipeline_node.upstream_nodes) for n in self.ir.nodes}

    def snapshot_reused(self) -> None:
        """For the nodes that do not run, reuses their outputs of an earlier run. Call it before any node runs.

        (In TFX the first node that runs does this. Another node that runs at the same time would not find its inputs.)
        """
        if any(n.pipeline_node.execution_options.run.perform_snapshot for n in self.ir.nodes):
            with metadata.Metadata(self.connection) as handle:
                partial_run_utils.snapshot(handle, self.ir)

    def run(self, node_id: str) -> NodeState:
        """Runs one node. Returns its state.

        Raises:
            NodeFailedError: the executor raised, or the inputs could not be resolved. (TFX's runners return normally then.)
        """
        began = time.monotonic()
        self.observer.node(node_id, "running", 0.0)
        try:
            state = self._run_with_retries(node_id)
        except Exception as error:
            self.observer.node(node_id, "failed", time.monotonic() - began)
            raise NodeFailedError(node_id, metadata_store.advise(f"{type(error).__name__}: {error}")) from error
        except BaseException:
            # Ctrl-C and SIGTERM: TFX's launcher does not catch them, and the execution would stay RUNNING for ever.
            self.mark_canceled(node_id)
            self.observer.node(node_id, "failed", time.monotonic() - began)
            raise
        self.observer.node(node_id, state, time.monotonic() - began)
        if state == "failed":
            raise NodeFailedError(node_id, "its inputs could not be resolved: an upstream node has no output.")
        return state

    def _run_with_retries(self, node_id: str) -> NodeState:
        return retry.call(lambda: self._run(self._node(node_id)), node_id, self.retries, self.retry_seconds)

    def stop(self, node_id: str) -> None:
        """Cancels a node that runs in another thread. The thread itself ends only with the process.

        If the node ends before the process does, it publishes nothing: its files have been removed.
        """
        with self._publishing:
            self._stopped.add(node_id)
        self.mark_canceled(node_id)

    def mark_canceled(self, node_id: str) -> None:
        """Marks the unsuccessful executions of a node as canceled in MLMD, and removes the files that they wrote."""
        with metadata.Metadata(self.connection) as handle:
            # Failed ones too: until a new try has ended, the state of the node is that of the last execution.
            cut_off = [e for e in _executions(handle, self._node(node_id)) if not execution_lib.is_execution_successful(e)]
            cleanup.mark_canceled(handle, cut_off, {e.id: node_id for e in cut_off}, self._root)

    def state(self, node_id: str) -> NodeState:
        """Returns the state of a node in this run as MLMD knows it: skipped if it has not run, failed if it did not end."""
        return _state(self._node(node_id), self.connection)

    def times(self, node_id: str) -> tuple[datetime, datetime] | None:
        """Returns the start and the last update of a node's last execution in this run; None if it has no execution."""
        with metadata.Metadata(self.connection) as handle:
            last = max(_executions(handle, self._node(node_id)), key=lambda e: e.id, default=None)
        if last is None:
            return None
        milliseconds = (last.create_time_since_epoch, last.last_update_time_since_epoch)
        began, updated = (datetime.fromtimestamp(ms / 1000, timezone.utc) for ms in milliseconds)
        return began, updated

    def _run(self, node: pipeline_pb2.PipelineNode) -> NodeState:
        if node.execution_options.HasField("skip"):
            needed = node.execution_options.skip.reuse_artifacts_mode == pipeline_pb2.NodeExecutionOptions.Skip.REQUIRED
            return "reused" if needed else "skipped"
        if _needs_skipped(self.ir, node, self.connection):
            return "skipped"
        self._launch(node)
        return _state(node, self.connection)

    def _launch(self, node: pipeline_pb2.PipelineNode) -> None:
        deployment, node_id = runner_utils.extract_local_deployment_config(self.ir), node.node_info.id
        StoppableLauncher(
            pipeline_node=node,
            mlmd_connection=metadata.Metadata(self.connection),
            pipeline_info=self.ir.pipeline_info,
            pipeline_runtime_spec=self.ir.runtime_spec,
            executor_spec=runner_utils.extract_executor_spec(deployment, node_id),
            custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
        ).launch_unless(lambda: node_id in self._stopped, self._publishing)

    @property
    def _root(self) -> str:
        return self.ir.runtime_spec.pipeline_root.field_value.string_value

    def _node(self, node_id: str) -> pipeline_pb2.PipelineNode:
        return next(n.pipeline_node for n in self.ir.nodes if n.pipeline_node.node_info.id == node_id)


def _executions(handle: metadata.Metadata, node: pipeline_pb2.PipelineNode) -> list[_Execution]:
    contexts = context_lib.prepare_contexts(handle, node.contexts)
    return execution_lib.get_executions_associated_with_all_contexts(handle, contexts)


def _state(node: pipeline_pb2.PipelineNode, connection: metadata_store.Connection) -> NodeState:
    with metadata.Metadata(connection) as handle:
        executions = _executions(handle, node)
    if not executions:
        return "skipped"  # its condition was false
    last = max(executions, key=lambda e: e.id).last_known_state
    if last == _Execution.COMPLETE:
        return "done"
    return "cached" if last == _Execution.CACHED else "failed"


def _needs_skipped(ir: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode, connection: metadata_store.Connection) -> bool:
    """Whether this node needs a node that was skipped in this run.

    TFX checks the conditions of a node in no particular order. It fails on a condition whose artifact does not exist because
    the node that decides was skipped itself.
    """
    upstream = [n.pipeline_node for n in ir.nodes if n.pipeline_node.node_info.id in node.upstream_nodes]
    with metadata.Metadata(connection) as handle:
        return any(not b.execution_options.HasField("skip") and not _executions(handle, b) for b in upstream)
