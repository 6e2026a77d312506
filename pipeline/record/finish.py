"""The end of a run: read what its nodes left, and decide how it ended. Every kind of run ends here."""

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
        record: of the run.
        config: of the run.
        failure: what ended the run early.
        connection: to MLMD; None if the record is to say only what `failure` says.
        to_node: the last node that was to run; None if the whole DAG was.
    """
    if connection is not None:
        fill_record(record, config, connection, tolerant=failure is not None)
    return status.conclude(record, config.output_dir, failure, to_node)


def fill_record(record: RunRecord, config: PipelineConfig, connection: Connection, *, tolerant: bool) -> None:
    """Fills in what the nodes of a run have left so far.

    Args:
        record: of the run.
        config: of the run.
        connection: to MLMD.
        tolerant: whether the run has failed already. What cannot be read then must not hide why it failed.
    """
    from pipeline.record import collect, trials  # they import TFX, which a step without a connection does not need

    with contextlib.suppress(Exception) if tolerant else contextlib.nullcontext():
        collect.fill_record(record, connection, config.pipeline_name)
        trials.fill_record(record, config, connection)
