"""Cleans up after killed runs: executions that are still RUNNING in MLMD, half-written folders, unfinished records."""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler.constants import PIPELINE_CONTEXT_TYPE_NAME
from tfx.dsl.io import fileio
from tfx.orchestration import metadata
from tfx.orchestration.portable.mlmd import execution_lib

from pipeline import errors
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.record import collect, store
from pipeline.record.run_record import ORCHESTRATOR, RunRecord

if TYPE_CHECKING:
    from pipeline.metadata.connection import Connection

_log = logging.getLogger(__name__)


def after_killed_runs(config: PipelineConfig, connection: Connection) -> None:
    """Cleans up an output folder before a run. The caller holds the folder's lock, so no other run is alive.

    Results of finished nodes and checkpoints stay: the new run continues from there.
    """
    with metadata.Metadata(connection) as handle:
        context = handle.store.get_context_by_type_and_name(PIPELINE_CONTEXT_TYPE_NAME, config.pipeline_name)
        executions = handle.store.get_executions_by_context(context.id) if context else []
        active = [execution for execution in executions if execution_lib.is_execution_active(execution)]
        if active:
            types = {t.id: t.name for t in handle.store.get_execution_types()}
            mark_canceled(handle, active, {e.id: collect.node_id(handle.store, e, types) for e in active}, config.artifacts)
    for record in store.newest_first(config.output_dir):
        if record.status == "running" and record.runner != ORCHESTRATOR:
            _mark_killed(record)
            store.rewrite(config.output_dir, record)
            _log.warning("The run %s was killed; its record says so now.", record.run_id)


def mark_canceled(
    handle: metadata.Metadata, executions: Sequence[metadata_store_pb2.Execution], nodes: Mapping[int, str], root: str
) -> None:
    """Marks executions as canceled in MLMD and removes the folders that they wrote.

    Args:
        handle: an open connection to MLMD.
        executions: executions that did not end.
        nodes: execution id -> id of its node.
        root: the pipeline's root, which has artifacts under <node>/<key>/<execution>.
    """
    for execution in executions:
        execution.last_known_state = metadata_store_pb2.Execution.CANCELED
        for folder in (("*",), (".system", "*")):
            for path in fileio.glob(posixpath.join(root, nodes[execution.id], *folder, str(execution.id))):
                fileio.rmtree(path)
        _log.warning("%s (execution %d) was interrupted. Its files are removed.", nodes[execution.id], execution.id)
    if executions:
        handle.store.put_executions(executions)


def _mark_killed(record: RunRecord) -> None:
    record.status, record.exit_code = "failed", errors.NODE_FAILED
    record.why = "Its process was killed, or the machine went down. The next run reuses the results of its finished nodes."
    for node in record.nodes:
        if node.state == "running":
            node.state = "failed"
        elif node.state == "waiting":
            node.state = "skipped"
