"""One run from start to end: checks the input, starts, executes the nodes, finishes run.json, prints a summary."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import threading
import traceback
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from pipeline import code_hash, errors, graph, node_ids
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.execution import preflight, signals
from pipeline.execution.runners import RUNNERS
from pipeline.terminal import logs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tfx.proto.orchestration import pipeline_pb2

    from pipeline.execution.nodes import NodeObserver
    from pipeline.metadata.connection import Connection
    from pipeline.record.run_record import NodeState
    from pipeline.record.store import Recorder

_Failure = errors.NodeFailedError | errors.StoppedError


@dataclass(frozen=True)
class NodeRange:
    """Which part of the DAG runs; by default all of it.

    Attributes:
        from_node: this node and the nodes that depend on it run. The results of the others come from an earlier run.
        to_node: no node after this one runs.
    """

    from_node: str | None = None
    to_node: str | None = None


@dataclass(frozen=True)
class StartedRun:
    """A run that has started: its record exists, and its nodes can run.

    Attributes:
        config: configuration of the run.
        ir: the compiled pipeline.
        connection: a connection to MLMD.
        recorder: keeps the record.
    """

    config: PipelineConfig
    ir: pipeline_pb2.Pipeline
    connection: Connection
    recorder: Recorder


def new_run_id() -> str:
    """Returns an id for a run. Ids sort by time."""
    return datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S-%f")


def log_file(config: PipelineConfig, run_id: str) -> Path:
    """Returns the log file of a run."""
    return Path(config.output_dir) / "logs" / f"{run_id}.log"


def run(config: PipelineConfig, run_id: str, runner: str, node_range: NodeRange, screen: logs.Screen) -> int:
    """Runs the pipeline. Prints how it ended, and writes it to run.json. Returns the exit code.

    Args:
        config: configuration of the run.
        run_id: id of the run, from `new_run_id`.
        runner: one of RUNNERS.
        node_range: which nodes run.
        screen: the terminal.

    Raises:
        errors.PipelineError: something is wrong before the run begins.
    """
    console = Console(file=screen.out)
    with preflight.output_folder(config.output_dir), signals.as_exceptions():
        with console.status(f"Checking {config.data_path}") if console.is_terminal else contextlib.nullcontext():
            preflight.check(config)
            logs.route_absl()
        started = start(config, run_id, runner, node_range)
        failure = execute(started, runner, console)
        return finish(started, failure, node_range.to_node, console, Console(file=screen.err, stderr=True))


# TFX is imported inside the functions below: wrong arguments are reported before these seconds are spent.


def start(config: PipelineConfig, run_id: str, runner: str, node_range: NodeRange) -> StartedRun:
    """Cleans up after killed runs, compiles the DAG and writes the first record.

    Raises:
        errors.PipelineError: MLMD cannot be reached, or the range of nodes cannot run.
    """
    from pipeline import ir as compiler
    from pipeline.execution import cleanup
    from pipeline.metadata import connection as metadata_store
    from pipeline.record.store import Recorder

    connection = metadata_store.reach(config.metadata_uri)
    cleanup.after_killed_runs(config, connection)
    recorder = Recorder(config, run_id, code_hash.of_pipeline(config), runner)
    ir = compiler.compile_dag(config)
    if node_range != NodeRange():
        reused_run_id = _run_to_reuse(config.output_dir, compiler.upstream_of(ir), node_range.from_node)
        compiler.select_nodes(ir, node_range.from_node, node_range.to_node, reused_run_id)
    compiler.set_run_id(ir, run_id)
    recorder.begin(compiler.ids_of_nodes(ir))
    return StartedRun(config, ir, connection, recorder)


def execute(started: StartedRun, runner: str, console: Console) -> _Failure | None:
    """Runs the nodes and shows their progress on the console. Returns the failure that ended the run early, or None."""
    from pipeline import ir as compiler
    from pipeline.execution.nodes import Nodes
    from pipeline.terminal.node_progress import Progress

    settings = started.config.settings.run
    try:
        with Progress(console, compiler.ids_of_nodes(started.ir)) as progress:
            observers = _Observers(started.recorder, progress)
            nodes = Nodes(started.ir, started.connection, observers, settings.retries, settings.retry_seconds)
            nodes.snapshot_reused()
            importlib.import_module(RUNNERS[runner]).run(nodes, settings.parallel or min(2, os.cpu_count() or 1))
    except (errors.NodeFailedError, errors.StoppedError) as failure:
        logging.getLogger(__name__).error("The run ends here.", exc_info=failure)
        return failure
    except Exception as bug:  # the record must not say "running" for ever
        started.recorder.finish("failed", errors.NODE_FAILED, f"{type(bug).__name__}: {bug}")
        raise
    return None


def finish(started: StartedRun, failure: _Failure | None, to_node: str | None, console: Console, err: Console) -> int:
    """Finishes the record and prints how the run ended. Returns the exit code.

    Args:
        started: the run.
        failure: the failure that ended it early, or None.
        to_node: the last node of the run (`--to`); None for the whole DAG.
        console: prints the summary.
        err: prints the reason if the exit code is not 0.
    """
    from pipeline.record.finish import finish_run
    from pipeline.terminal import paths, summary

    record = started.recorder.record
    exit_code = finish_run(record, started.config, failure, connection=started.connection, to_node=to_node)
    started.recorder.write()
    if not failure:
        summary.show(record, console, started.config.output_dir)
    elif os.environ.get(errors.DEBUG):
        traceback.print_exception(failure, file=err.file)
    if exit_code:
        err.print(f"[bold red]{record.status.capitalize()}.[/] ", end="")
        log = paths.shown(log_file(started.config, record.run_id))
        err.print(f"{record.why}\nLog: {log}", markup=False, highlight=False, soft_wrap=True)
    return exit_code


class _Observers:
    """Forwards each call to several observers, one call at a time."""

    def __init__(self, *observers: NodeObserver) -> None:
        self._observers, self._lock = observers, threading.RLock()

    def node(self, node_id: str, state: NodeState, seconds: float) -> None:
        with self._lock:
            for observer in self._observers:
                observer.node(node_id, state, seconds)


def _run_to_reuse(output_dir: str, upstream: Mapping[str, list[str]], from_node: str | None) -> str | None:
    """Returns the newest run in which all nodes before `from_node` succeeded.

    Raises:
        errors.UsageError: there is no such run.
    """
    if from_node is None or from_node not in upstream:
        return None  # nothing is reused; or there is no such node, which `ir.select_nodes` reports
    from pipeline.record import store

    reused = graph.ancestors(from_node, upstream) - set(node_ids.RESOLVERS)
    for record in store.newest_first(output_dir):
        if reused <= {node.id for node in record.nodes if node.state in ("done", "cached", "reused")}:
            return record.run_id
    raise errors.UsageError(
        f"--from {from_node} takes the results of the nodes before it ({', '.join(sorted(reused))}) from an earlier run. "
        f"No run in {output_dir} has all of them. Run without --from first."
    )
