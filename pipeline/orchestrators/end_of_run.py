"""Ends a run whose nodes were separate processes: completes its run.json.

python -m pipeline end --pipeline taxi.json --run-id 2026-11-21 [--set data.span=20778 ...]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline import errors
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.execution import retry
from pipeline.orchestrators import step_record
from pipeline.orchestrators.compiled_pipeline import CompiledPipeline, check_secrets
from pipeline.record import store
from pipeline.record.finish import fill_record, finish_run
from pipeline.record.run_record import NodeRecord, RunRecord
from trainer_module.files.paths import is_remote

if TYPE_CHECKING:
    from pipeline.metadata.connection import Connection


def end(compiled: CompiledPipeline, run_id: str, assignments: Sequence[str] = ()) -> int:
    """Finishes a run after its last step. Returns the exit code, the same as that of `python -m pipeline run`.

    Args:
        compiled: the compiled pipeline.
        run_id: id of the run.
        assignments: `key=value`, the settings of this run; the same as those of its steps.

    Raises:
        errors.PipelineError: a secret is missing, or MLMD cannot be reached.
    """
    from pipeline.metadata import connection as metadata_store

    check_secrets(compiled)
    config = compiled.config_for_run(assignments)
    run = config.settings.run
    # No orchestrator retries this step: its exit code is that of the run.
    connection = retry.call(lambda: metadata_store.reach(config.metadata_uri), "MLMD", run.retries, run.retry_seconds)
    return complete_record(compiled, config, run_id, connection)


def complete_record(compiled: CompiledPipeline, config: PipelineConfig, run_id: str, connection: Connection) -> int:
    """Completes the record of a run, publishes it, and prints how the run ended. Returns the exit code of the run."""
    remote = is_remote(config.output_dir)
    with step_record.opened(compiled, config, run_id) as record:
        if remote:
            _restore_states(compiled, config, record, connection)
        failed = next((node for node in record.nodes if node.state == "failed"), None)
        if failed and record.exit_code is not None:  # its step has written why
            fill_record(record, config, connection, tolerant=True)
        else:
            finish_run(record, config, _failure(compiled, record, failed), connection=connection)
    if remote:
        store.publish(config.output_dir, record)
    step_record.print_ending(record)
    return record.exit_code or errors.OK


def _restore_states(compiled: CompiledPipeline, config: PipelineConfig, record: RunRecord, connection: Connection) -> None:
    """Restores the states of the nodes from MLMD: the steps could not write them, because they shared no disk."""
    from pipeline import ir
    from pipeline.execution.nodes import Nodes

    run_ir = ir.compile_pipeline(ir.without_data(config), record.run_id)
    nodes = Nodes(run_ir, connection, step_record.StateWriter(compiled, config, record.run_id))
    times = {node.id: times for node in record.nodes if (times := nodes.times(node.id))}
    record.started = min([record.started, *(began.isoformat(timespec="microseconds") for began, _ in times.values())])
    for node in record.nodes:
        began, updated = times.get(node.id, (None, None))
        record.enter(node.id, nodes.state(node.id), (updated - began).total_seconds() if began and updated else 0.0)


def _failure(compiled: CompiledPipeline, record: RunRecord, failed: NodeRecord | None) -> errors.NodeFailedError | None:
    """Returns the failure that ended a run early; None if it ended normally."""
    if failed:
        return errors.NodeFailedError(failed.id, "its log says why.")
    unfinished = _unfinished_node(compiled, record)
    return errors.NodeFailedError(unfinished, "it never ran, or was killed. Its log may say more.") if unfinished else None


def _unfinished_node(compiled: CompiledPipeline, record: RunRecord) -> str | None:
    """Returns a node that the record still calls running, or one that was ready to run and never ran; None if all ended."""
    done = {node.id for node in record.nodes if node.state in ("done", "cached")}
    running = [node.id for node in record.nodes if node.state == "running"]
    ready = [node.id for node in record.nodes if node.state == "waiting" and done.issuperset(compiled.upstream[node.id])]
    return next(iter([*running, *ready]), None)
