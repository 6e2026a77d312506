"""One node of a run, in a process of its own: what a task of Airflow and a pod of Kubeflow execute.

    python -m pipeline step --pipeline taxi.json --node Trainer --run-id 2026-11-21 [--set data.span=20778 ...]

TFX's own entry points for that return normally where a node's inputs could not be resolved, fail on a node behind one that was
skipped, and do not look at whether the code is what the pipeline was compiled from.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import errors, node_ids
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.execution import preflight, signals
from pipeline.orchestrators import finish, step_record
from pipeline.orchestrators.compiled_pipeline import CompiledPipeline, check_code, check_secrets
from pipeline.record import states
from trainer_module.files import lock
from trainer_module.files.paths import is_remote

if TYPE_CHECKING:
    from components.decision import Decision
    from pipeline.execution.nodes import Nodes
    from pipeline.metadata.connection import Connection

# Exit code of a node that was not to run: a gate before it has decided so.
SKIPPED = 99

_log = logging.getLogger(__name__)


def run(compiled: CompiledPipeline, node_id: str, run_id: str, assignments: Sequence[str] = ()) -> int:
    """Runs a node, if it has not run in this run already. Returns the exit code: OK, SKIPPED, or that of its failure.

    Args:
        compiled: the compiled pipeline.
        node_id: of the node.
        run_id: the same for all nodes of a run, and for no other run.
        assignments: `key=value`, what this run sets otherwise than what was compiled; the same for all nodes of a run.

    Raises:
        errors.PipelineError: one paragraph: what is wrong, and the way out, where there is no record to write it to.
    """
    if node_id not in compiled.needs:
        raise errors.UsageError(f"There is no node '{node_id}'. The nodes are: {', '.join(compiled.needs)}.")
    config = compiled.config_for_run(assignments)
    try:
        with _output_folder(config, node_id), signals.raised(), _alone(config, node_id, run_id):
            check_secrets(compiled)
            check_code(compiled, config)
            if not compiled.needs[node_id]:
                preflight.check(config)
            return _run(compiled, config, node_id, run_id)
    except (errors.PipelineError, errors.StoppedError) as failure:
        return _failed(compiled, config, node_id, run_id, failure)


def _run(compiled: CompiledPipeline, config: PipelineConfig, node_id: str, run_id: str) -> int:
    from pipeline import ir
    from pipeline.execution.nodes import Nodes
    from pipeline.metadata import connection as metadata_store
    from pipeline.terminal import logs

    logs.settle()
    connection = metadata_store.reach(config.metadata_uri)
    observer, settings = step_record.Observer(compiled, config, run_id), config.settings.run
    # Raw data may have been moved away once its reader has run.
    seen = config if not compiled.needs[node_id] else ir.without_data(config)
    nodes = Nodes(ir.compile_pipeline(seen, run_id), connection, observer, settings.retries, settings.retry_seconds)
    state = _run_once(nodes, node_id)
    decision = _decision(config, connection, run_id, node_id)
    _log.info("%s: %s.%s", node_id, state, f" {decision.decision.capitalize()}. {decision.why}" if decision else "")
    with step_record.opened(compiled, config, run_id) as record:
        if record.node(node_id).state != state:  # killed before it could be written down, or done long ago
            record.enter(node_id, state, record.node(node_id).seconds)
        over = record.over
    if over:
        finish.conclude(compiled, config, run_id, connection)
    return SKIPPED if state == states.SKIPPED else errors.OK


def _run_once(nodes: Nodes, node_id: str) -> str:
    """Runs a node unless it has come to its end in this run before: what is behind it goes by the output that it left then."""
    state = nodes.state(node_id)
    if state in (states.DONE, states.CACHED):
        _log.warning("%s has run in this run before. What it left stays; to have it run anew, start another run.", node_id)
        return state
    nodes.cancel(node_id)  # a try that was killed has left half of something
    return nodes.run(node_id)


def _failed(
    compiled: CompiledPipeline,
    config: PipelineConfig,
    node_id: str,
    run_id: str,
    failure: errors.PipelineError | errors.StoppedError,
) -> int:
    """Says why a node has failed, in the record and as the last words of the log. Returns the exit code."""
    from pipeline.record import status

    if isinstance(failure, errors.NodeFailedError):
        _log.error("%s failed.", node_id, exc_info=failure)
    try:
        with step_record.opened(compiled, config, run_id) as record:
            if record.node(node_id).state != states.FAILED:
                record.enter(node_id, states.FAILED, 0.0)
            exit_code = status.give(record, config.output_dir, failure)
    except OSError:
        raise failure from None
    step_record.say(record)
    return exit_code


def _decision(config: PipelineConfig, connection: Connection, run_id: str, node_id: str) -> Decision | None:
    """Returns what a node has decided, if it is a gate."""
    from tfx.orchestration import metadata

    from components import gate
    from pipeline.record import collect

    with metadata.Metadata(connection) as handle:
        outputs = collect.outputs_of(handle.store, run_id, config.pipeline_name)
    artifact = next((outputs[o] for o in node_ids.DECISIONS if o.node == node_id and o in outputs), None)
    return gate.read(artifact.uri) if artifact is not None else None


@contextlib.contextmanager
def _output_folder(config: PipelineConfig, node_id: str) -> Iterator[None]:
    """Shares the output folder with other steps. That a run has it to itself may pass, so it is worth another try."""
    try:
        with preflight.output_folder(config.output_dir, shared=True):
            yield
    except errors.InUseError as error:
        raise errors.NodeFailedError(node_id, str(error)) from None


@contextlib.contextmanager
def _alone(config: PipelineConfig, node_id: str, run_id: str) -> Iterator[None]:
    """Waits until no other process runs the same node: an orchestrator may have lost sight of a try that is still at work."""
    if is_remote(config.output_dir):
        yield
        return
    path = Path(config.output_dir, "runs", run_id, f".{node_id}.lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        held = lock.open_locked(path)
    except lock.LockedError:
        _log.warning("An earlier try of %s is still at work. This one waits until it has ended.", node_id)
        held = lock.open_locked(path, wait=True)
    with held:
        yield
