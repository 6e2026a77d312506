"""Runs one node of a run as a process. Tasks of Airflow and pods of Kubeflow execute this.

    python -m pipeline step --pipeline taxi.json --node Trainer --run-id 2026-11-21 [--set data.span=20778 ...]

TFX's own entry points return normally if the inputs of a node cannot be resolved, fail on a node after a skipped node, and
do not check that the code has not changed since the compilation.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import errors, graph, node_ids
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.execution import preflight, signals
from pipeline.orchestrators import end_of_run, step_record
from pipeline.orchestrators.compiled_pipeline import CompiledPipeline, check_code, check_secrets
from pipeline.record.finish import finish_run
from trainer_module.files import lock
from trainer_module.files.paths import is_remote

if TYPE_CHECKING:
    from components.decision import Decision
    from pipeline.execution.nodes import Nodes
    from pipeline.metadata.connection import Connection
    from pipeline.record.run_record import NodeState

_log = logging.getLogger(__name__)


def run(compiled: CompiledPipeline, node_id: str, run_id: str, assignments: Sequence[str] = ()) -> int:
    """Runs a node, unless it has already succeeded in this run. Returns the exit code: OK, SKIPPED, or that of its failure.

    Args:
        compiled: the compiled pipeline.
        node_id: id of the node.
        run_id: the same for all nodes of a run, and for no other run.
        assignments: `key=value`, settings of this run that differ from the compiled ones; the same for all nodes of a run.

    Raises:
        errors.PipelineError: the node failed, and the record could not be written.
    """
    if node_id not in compiled.upstream:
        raise errors.UsageError(graph.unknown_node(node_id, compiled.upstream))
    config = compiled.config_for_run(assignments)
    try:
        with _output_folder(config, node_id), signals.as_exceptions(), node_lock(config, node_id, run_id):
            check_secrets(compiled)
            check_code(compiled, config)
            if not compiled.upstream[node_id]:
                preflight.check(config)
            return _run(compiled, config, node_id, run_id)
    except (errors.PipelineError, errors.StoppedError) as failure:
        return record_failure(compiled, config, node_id, run_id, failure)


def _run(compiled: CompiledPipeline, config: PipelineConfig, node_id: str, run_id: str) -> int:
    from pipeline import ir
    from pipeline.execution.nodes import Nodes
    from pipeline.metadata import connection as metadata_store
    from pipeline.terminal import logs

    logs.route_absl()
    connection = metadata_store.reach(config.metadata_uri)
    observer, settings = step_record.StateWriter(compiled, config, run_id), config.settings.run
    # Only ExampleGen reads the raw data. Later nodes must also run when the data no longer exists.
    compiled_config = config if not compiled.upstream[node_id] else ir.without_data(config)
    nodes = Nodes(ir.compile_pipeline(compiled_config, run_id), connection, observer, settings.retries, settings.retry_seconds)
    state = _run_once(nodes, node_id)
    decision = _decision(config, connection, run_id, node_id)
    _log.info("%s: %s.%s", node_id, state, f" {decision.decision.capitalize()}. {decision.why}" if decision else "")
    with step_record.opened(compiled, config, run_id) as record:
        if record.node(node_id).state != state:  # an earlier try was killed before it wrote the state
            record.enter(node_id, state, record.node(node_id).seconds)
        last = record.all_nodes_ended
    if last:
        end_of_run.complete_record(compiled, config, run_id, connection)
    return errors.SKIPPED if state == "skipped" else errors.OK


def _run_once(nodes: Nodes, node_id: str) -> NodeState:
    """Runs a node unless it has succeeded in this run before: the nodes after it may have used its output already."""
    state = nodes.state(node_id)
    if state in ("done", "cached"):
        _log.warning("%s has already run in this run. It keeps its results. To run it again, start a new run.", node_id)
        return state
    nodes.mark_canceled(node_id)  # removes half-written files of a killed try
    return nodes.run(node_id)


def record_failure(
    compiled: CompiledPipeline,
    config: PipelineConfig,
    node_id: str,
    run_id: str,
    failure: errors.PipelineError | errors.StoppedError,
) -> int:
    """Writes the cause of a failure into the record, and as the last line of the log. Returns the exit code."""
    if isinstance(failure, errors.NodeFailedError):
        _log.error("%s failed.", node_id, exc_info=failure)
    try:
        with step_record.opened(compiled, config, run_id) as record:
            if record.node(node_id).state != "failed":
                record.enter(node_id, "failed", 0.0)
            exit_code = finish_run(record, config, failure)
    except OSError:
        raise failure from None
    step_record.print_ending(record)
    return exit_code


def _decision(config: PipelineConfig, connection: Connection, run_id: str, node_id: str) -> Decision | None:
    """Returns the decision of a node, if it is a gate."""
    if node_id not in {output.node for output in node_ids.DECISIONS}:
        return None
    from tfx.orchestration import metadata

    from pipeline.record import collect

    with metadata.Metadata(connection) as handle:
        outputs = collect.outputs_of(handle.store, run_id, config.pipeline_name)
    return collect.decision_of(outputs, node_id)


@contextlib.contextmanager
def _output_folder(config: PipelineConfig, node_id: str) -> Iterator[None]:
    """Shares the output folder with other steps.

    If another run has locked the folder, the step fails like a node, so that the orchestrator retries it: that run will end.
    """
    try:
        with preflight.output_folder(config.output_dir, shared=True):
            yield
    except errors.InUseError as error:
        raise errors.NodeFailedError(node_id, str(error)) from None


@contextlib.contextmanager
def node_lock(config: PipelineConfig, node_id: str, run_id: str) -> Iterator[None]:
    """Waits until no other process runs the same node: an orchestrator may have lost track of a try that still runs."""
    if is_remote(config.output_dir):
        yield
        return
    path = Path(config.output_dir, "runs", run_id, f".{node_id}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock_file = lock.open_locked(path)
    except lock.LockedError:
        _log.warning("An earlier try of %s is still running. This try waits until it ends.", node_id)
        lock_file = lock.open_locked(path, wait=True)
    with lock_file:
        yield
