"""Finishes a run: reads the results of its nodes, and decides how it ended. All kinds of runs use this module."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from pipeline.config.pipeline_config import PipelineConfig
from pipeline.record import status
from pipeline.record.run_record import RunRecord

if TYPE_CHECKING:
    from pipeline.metadata.connection import Connection


def finish_run(
    record: RunRecord,
    config: PipelineConfig,
    failure: BaseException | None = None,
    *,
    connection: Connection | None = None,
    to_node: str | None = None,
) -> int:
    """Fills in and finishes the record of a run. Returns the exit code. The caller writes the record.

    Args:
        record: the record of the run.
        config: configuration of the run.
        failure: the failure that ended the run early, or None.
        connection: a connection to MLMD; None to record only the failure.
        to_node: the last node of the run (`--to`); None for the whole DAG.
    """
    if connection is not None:
        fill_record(record, config, connection, tolerant=failure is not None)
    return status.conclude(record, config.output_dir, failure, to_node)


def fill_record(record: RunRecord, config: PipelineConfig, connection: Connection, *, tolerant: bool) -> None:
    """Fills in the results of all nodes that have run so far.

    Args:
        record: the record of the run.
        config: configuration of the run.
        connection: a connection to MLMD.
        tolerant: whether the run has already failed. Then an unreadable result must not hide the cause of the failure.
    """
    # These import TFX, which a step without a connection does not need.
    from tfx.orchestration import metadata

    from pipeline.record import collect, trials

    with contextlib.suppress(Exception) if tolerant else contextlib.nullcontext():
        with metadata.Metadata(connection) as handle:
            outputs = collect.outputs_of(handle.store, record.run_id, config.pipeline_name)
            collect.fill_record(record, handle.store, outputs)
        trials.fill_record(record, config, outputs)
