"""The end of a run whose nodes were processes of their own: what it has come to, completed from MLMD.

python -m pipeline end --pipeline taxi.json --run-id 2026-11-21 [--set data.span=20778 ...]
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline import errors
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.execution import retry
from pipeline.orchestrators import step_record
from pipeline.orchestrators.compiled_pipeline import CompiledPipeline, check_secrets
from pipeline.record import states
from pipeline.record.run_record import RunRecord
from trainer_module.files.paths import is_remote

if TYPE_CHECKING:
    from pipeline.metadata.connection import Connection


def end(compiled: CompiledPipeline, run_id: str, assignments: Sequence[str] = ()) -> int:
    """Ends a run, all of whose nodes have run that were to run. Returns its exit code, as that of `python -m pipeline run`."""
    from pipeline.metadata import connection as metadata_store

    check_secrets(compiled)
    config = compiled.config_for_run(assignments)
    run = config.settings.run
    # No orchestrator tries this again: its exit code is that of the run.
    connection = retry.persist(lambda: metadata_store.reach(config.metadata_uri), "MLMD", run.retries, run.retry_seconds)
    return conclude(compiled, config, run_id, connection)


def conclude(compiled: CompiledPipeline, config: PipelineConfig, run_id: str, connection: Connection) -> int:
    """Does the same with a connection to MLMD that has answered."""
    from pipeline.record import collect, status, trials
    from pipeline.record import run_record as records

    on_disk = not is_remote(config.output_dir)
    with step_record.opened(compiled, config, run_id) as record:
        if not on_disk:
            _recall(compiled, config, record, connection)
        failed = next((n.id for n in record.nodes if n.state == states.FAILED), None)
        lost = _lost(compiled, record) if not failed else None
        with contextlib.suppress(Exception) if failed or lost else contextlib.nullcontext():
            collect.collect(record, connection, config.pipeline_name)
            trials.collect(record, config, connection)
        if not failed or record.exit_code is None:
            status.give(record, config.output_dir, _gone(lost, failed))
    if not on_disk:
        records.publish(config.output_dir, record)
    step_record.say(record)
    return record.exit_code or errors.OK


def _recall(compiled: CompiledPipeline, config: PipelineConfig, record: RunRecord, connection: Connection) -> None:
    """Fills in what the steps of a run would have written down, had they a disk to share: MLMD knows it too."""
    from pipeline import ir
    from pipeline.execution.nodes import Nodes

    run_ir = ir.compile_pipeline(ir.without_data(config), record.run_id)
    nodes = Nodes(run_ir, connection, step_record.Observer(compiled, config, record.run_id))
    times = {n.id: times for n in record.nodes if (times := nodes.times(n.id))}
    record.started = min([record.started, *(began.isoformat(timespec="microseconds") for began, _ in times.values())])
    for entry in record.nodes:
        began, heard = times.get(entry.id, (None, None))
        record.enter(entry.id, nodes.state(entry.id), (heard - began).total_seconds() if began and heard else 0.0)


def _gone(lost: str | None, failed: str | None) -> errors.NodeFailedError | None:
    """Returns what has ended a run before its time."""
    if lost:
        return errors.NodeFailedError(lost, "it never ran, or was killed. Its log may say more.")
    return errors.NodeFailedError(failed, "its log says why.") if failed else None


def _lost(compiled: CompiledPipeline, record: RunRecord) -> str | None:
    """Returns a node that was to run and has not come to its end."""
    done = {n.id for n in record.nodes if n.state in (states.DONE, states.CACHED)}
    ready = [n for n in record.nodes if n.state == states.WAITING and done.issuperset(compiled.needs[n.id])]
    return next((n.id for n in [*(n for n in record.nodes if n.state == states.RUNNING), *ready]), None)
