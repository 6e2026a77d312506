"""What a run that was killed has left: executions that MLMD believes to be running, folders half-written, an open record."""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.io import fileio
from tfx.orchestration import metadata
from tfx.orchestration.portable.mlmd import execution_lib

from pipeline.config.pipeline_config import PipelineConfig
from pipeline.record import collect
from pipeline.record.run_record import ORCHESTRATOR, earlier, rewrite
from pipeline.record.states import FAILED, RUNNING, SKIPPED, WAITING

if TYPE_CHECKING:
    from pipeline.metadata.connection import Connection

_log = logging.getLogger(__name__)

_PIPELINE = "pipeline"  # TFX's type of the context of all runs of a pipeline


def after_killed_runs(config: PipelineConfig, connection: Connection) -> None:
    """Cleans up before a run of an output folder. To be called by whoever holds its lock: no other run is alive then.

    What nodes have finished stays, and so do checkpoints: the new run goes on from there.
    """
    with metadata.Metadata(connection) as handle:
        context = handle.store.get_context_by_type_and_name(_PIPELINE, config.pipeline_name)
        executions = handle.store.get_executions_by_context(context.id) if context else []
        active = [e for e in executions if execution_lib.is_execution_active(e)]
        if active:
            types = {t.id: t.name for t in handle.store.get_execution_types()}
            cancel(handle, active, {e.id: collect.node_id(handle.store, e, types) for e in active}, config.artifacts)
    for record in earlier(config.output_dir):
        if record.status == "running" and record.runner != ORCHESTRATOR:
            record.status, record.exit_code = "failed", 1
            record.why = "Its process was killed, or the machine went down. What its nodes had finished stays in use."
            for node in record.nodes:
                node.state = {RUNNING: FAILED, WAITING: SKIPPED}.get(node.state, node.state)
            rewrite(config.output_dir, record)
            _log.warning("The run %s was killed; its record says so now.", record.run_id)


def cancel(
    handle: metadata.Metadata, active: Sequence[metadata_store_pb2.Execution], nodes: Mapping[int, str], root: str
) -> None:
    """Says in MLMD that executions were ended, and removes what they have left.

    Args:
        handle: an open connection to MLMD.
        active: the executions.
        nodes: execution id -> id of its node.
        root: the pipeline's root, which has artifacts under <node>/<key>/<execution>.
    """
    for execution in active:
        execution.last_known_state = metadata_store_pb2.Execution.CANCELED
        for folder in (("*",), (".system", "*")):
            for path in fileio.glob(posixpath.join(root, nodes[execution.id], *folder, str(execution.id))):
                fileio.rmtree(path)
        _log.warning("%s (execution %d) had been cut off; what it left is removed.", nodes[execution.id], execution.id)
    if active:
        handle.store.put_executions(active)
