"""The nodes of a compiled pipeline: launch one, and learn from MLMD what really became of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Protocol, TypeAlias

from ml_metadata.proto import metadata_store_pb2
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.portable import launcher, partial_run_utils
from tfx.orchestration.portable.mlmd import context_lib, execution_lib
from tfx.proto.orchestration import pipeline_pb2

from pipeline.errors import NodeFailedError
from pipeline.execution import cleanup, retry
from pipeline.metadata import connection as metadata_store
from pipeline.record.states import CACHED, DONE, FAILED, REUSED, RUNNING, SKIPPED

_Execution: TypeAlias = metadata_store_pb2.Execution


class EndedError(Exception):
    """A node came to its end after the run had been stopped."""


class Observer(Protocol):
    """Whoever is told what happens to the nodes."""

    def node(self, node_id: str, state: str, seconds: float) -> None:
        """A node has entered a state; `seconds` is how long it ran."""


@dataclass(frozen=True)
class Nodes:
    """The nodes of one run. What runs them calls `run`, each once those that it needs have run.

    Attributes:
        ir: the compiled pipeline, its runtime parameters filled in.
        connection: where MLMD is.
        observer: is told what happens. Nodes may run in several threads.
        retries: how often a node is run again that failed for a cause that may pass.
        retry_seconds: before the first of them; twice as long before each one after.
    """

    ir: pipeline_pb2.Pipeline
    connection: metadata_store.Connection
    observer: Observer
    retries: int = 0
    retry_seconds: float = 0.0
    _ended: set[str] = field(default_factory=set, init=False)
    _publishing: threading.Lock = field(default_factory=threading.Lock, init=False)

    @property
    def needs(self) -> dict[str, set[str]]:
        """Node id -> ids of the nodes that must have run before; in topological order."""
        return {n.pipeline_node.node_info.id: set(n.pipeline_node.upstream_nodes) for n in self.ir.nodes}

    def take_over(self) -> None:
        """Makes what other runs have left for the nodes that do not run part of this one. To be called before any runs.

        (TFX has the first node that runs do it: one that runs at the same time would not find its inputs.)
        """
        if any(n.pipeline_node.execution_options.run.perform_snapshot for n in self.ir.nodes):
            with metadata.Metadata(self.connection) as handle:
                partial_run_utils.snapshot(handle, self.ir)

    def run(self, node_id: str) -> str:
        """Runs one node. Returns its state.

        Raises:
            NodeFailedError: the executor raised, or its inputs could not be resolved. (TFX's runners return normally then.)
        """
        started = time.monotonic()
        self.observer.node(node_id, RUNNING, 0.0)
        try:
            state = self._tried(node_id)
        except Exception as error:
            self.observer.node(node_id, FAILED, time.monotonic() - started)
            raise NodeFailedError(node_id, metadata_store.advise(f"{type(error).__name__}: {error}")) from error
        except BaseException:  # Ctrl-C and SIGTERM, which TFX's launcher does not catch: it would stay RUNNING for ever
            self.cancel(node_id)
            self.observer.node(node_id, FAILED, time.monotonic() - started)
            raise
        self.observer.node(node_id, state, time.monotonic() - started)
        if state == FAILED:
            raise NodeFailedError(node_id, "its inputs could not be resolved: a node before it has left nothing.")
        return state

    def _tried(self, node_id: str) -> str:
        """Runs a node, and again if it fails for a cause that may pass."""
        return retry.persist(lambda: self._run(self._node(node_id)), node_id, self.retries, self.retry_seconds)

    def end(self, node_id: str) -> None:
        """Cancels a node that is at work in another thread, which can be stopped only with the process.

        Should it come to its end before that, it publishes nothing: its files are gone.
        """
        with self._publishing:
            self._ended.add(node_id)
        self.cancel(node_id)

    def cancel(self, node_id: str) -> None:
        """Says in MLMD that a node was ended, and removes what it has left half-written."""
        with metadata.Metadata(self.connection) as handle:
            # A try after a failed one goes by the state of that one until it has come to its end.
            cut_off = [e for e in _executions(handle, self._node(node_id)) if not execution_lib.is_execution_successful(e)]
            cleanup.cancel(handle, cut_off, {e.id: node_id for e in cut_off}, self._root)

    def state(self, node_id: str) -> str:
        """Returns what has become of a node in this run: SKIPPED if it has not run, FAILED if it has not come to its end."""
        return _state(self._node(node_id), self.connection)

    def times(self, node_id: str) -> tuple[datetime, datetime] | None:
        """Returns when the last execution of a node in this run began and when MLMD last heard of it; None if there is none."""
        with metadata.Metadata(self.connection) as handle:
            last = max(_executions(handle, self._node(node_id)), key=lambda e: e.id, default=None)
        if last is None:
            return None
        milliseconds = (last.create_time_since_epoch, last.last_update_time_since_epoch)
        began, heard = (datetime.fromtimestamp(ms / 1000, timezone.utc) for ms in milliseconds)
        return began, heard

    def _run(self, node: pipeline_pb2.PipelineNode) -> str:
        if node.execution_options.HasField("skip"):
            needed = node.execution_options.skip.reuse_artifacts_mode == pipeline_pb2.NodeExecutionOptions.Skip.REQUIRED
            return REUSED if needed else SKIPPED
        if _behind_skipped(self.ir, node, self.connection):
            return SKIPPED
        self._launch(node)
        return _state(node, self.connection)

    def _launch(self, node: pipeline_pb2.PipelineNode) -> None:
        deployment, node_id = runner_utils.extract_local_deployment_config(self.ir), node.node_info.id
        _Launcher(
            pipeline_node=node,
            mlmd_connection=metadata.Metadata(self.connection),
            pipeline_info=self.ir.pipeline_info,
            pipeline_runtime_spec=self.ir.runtime_spec,
            executor_spec=runner_utils.extract_executor_spec(deployment, node_id),
            custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
        ).launch_unless(lambda: node_id in self._ended, self._publishing)

    @property
    def _root(self) -> str:
        return self.ir.runtime_spec.pipeline_root.field_value.string_value

    def _node(self, node_id: str) -> pipeline_pb2.PipelineNode:
        return next(n.pipeline_node for n in self.ir.nodes if n.pipeline_node.node_info.id == node_id)


class _Launcher(launcher.Launcher):
    """TFX's, but for a node that was ended while it ran."""

    def launch_unless(self, ended: Callable[[], bool], publishing: threading.Lock) -> None:
        """Launches; publishes if it has not been `ended` by then, which may not change while the lock is held."""
        self._ended, self._publishing = ended, publishing
        self.launch()

    def _publish_successful_execution(self, *args: Any, **kwargs: Any) -> None:
        with self._publishing:
            if self._ended():
                raise EndedError("It was ended while it ran.")
            super()._publish_successful_execution(*args, **kwargs)


def _executions(handle: metadata.Metadata, node: pipeline_pb2.PipelineNode) -> list[_Execution]:
    contexts = context_lib.prepare_contexts(handle, node.contexts)
    return execution_lib.get_executions_associated_with_all_contexts(handle, contexts)


def _state(node: pipeline_pb2.PipelineNode, connection: metadata_store.Connection) -> str:
    with metadata.Metadata(connection) as handle:
        executions = _executions(handle, node)
    if not executions:
        return SKIPPED  # the condition it stands under did not hold
    last = max(executions, key=lambda e: e.id).last_known_state
    return {_Execution.COMPLETE: DONE, _Execution.CACHED: CACHED}.get(last, FAILED)


def _behind_skipped(ir: pipeline_pb2.Pipeline, node: pipeline_pb2.PipelineNode, connection: metadata_store.Connection) -> bool:
    """Whether a node that this one needs was skipped in this run.

    TFX evaluates the conditions of a node in no particular order, and fails on one whose artifact is not there because
    the node that decides was skipped itself.
    """
    before = [n.pipeline_node for n in ir.nodes if n.pipeline_node.node_info.id in node.upstream_nodes]
    with metadata.Metadata(connection) as handle:
        return any(not b.execution_options.HasField("skip") and not _executions(handle, b) for b in before)
