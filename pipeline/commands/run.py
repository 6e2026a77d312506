"""One run from start to end: checks, nodes, outcome, record, exit code."""

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
from pipeline.terminal import logs

if TYPE_CHECKING:
    from pipeline.execution.nodes import Observer

# Runner name -> module with `run(nodes, parallel)`.
RUNNERS = {"local": "pipeline.execution.local_runner", "beam": "pipeline.execution.beam_runner"}


@dataclass(frozen=True)
class Selection:
    """Which part of the DAG runs."""

    from_node: str | None = None
    to_node: str | None = None


def new_run_id() -> str:
    """Returns an id for a run; ids sort by time."""
    return datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S-%f")


def run(config: PipelineConfig, run_id: str, runner: str, selection: Selection, screen: logs.Screen) -> int:
    """Runs the pipeline. Returns the exit code; what a person is to know is on the screen and in run.json.

    Raises:
        errors.PipelineError: for what is wrong before the run begins.
    """
    console = Console(file=screen.out)
    with preflight.output_folder(config.output_dir), signals.raised():
        with console.status(f"Checking {config.data_path}") if console.is_terminal else contextlib.nullcontext():
            preflight.check(config)
            logs.settle()
        return _run(config, run_id, runner, selection, console, Console(file=screen.err, stderr=True))


def _run(config: PipelineConfig, run_id: str, runner: str, selection: Selection, console: Console, err: Console) -> int:
    # TFX is imported here and below: what is wrong with the arguments is said before these seconds are spent.
    from pipeline import ir
    from pipeline.execution import cleanup
    from pipeline.execution.nodes import Nodes
    from pipeline.metadata import connection as metadata_store
    from pipeline.record import collect, status, trials
    from pipeline.record.run_record import Recorder
    from pipeline.terminal import summary
    from pipeline.terminal.progress import Progress

    connection = metadata_store.reach(config.metadata_uri)
    cleanup.after_killed_runs(config, connection)
    base = _base_run(config, selection)
    recorder = Recorder(config, run_id, code_hash.of_pipeline(config), runner)
    record = recorder.record
    compiled = ir.compile_pipeline(config, record.run_id, selection.from_node, selection.to_node, base)
    recorder.begin(list(ir.node_ids(compiled)))
    failure: errors.NodeFailedError | errors.StoppedError | None = None
    try:
        with Progress(console) as progress:
            progress.begin(ir.node_ids(compiled))
            settings = config.settings.run
            nodes = Nodes(compiled, connection, _Observers(recorder, progress), settings.retries, settings.retry_seconds)
            nodes.take_over()
            importlib.import_module(RUNNERS[runner]).run(nodes, settings.parallel or min(2, os.cpu_count() or 1))
    except (errors.NodeFailedError, errors.StoppedError) as error:
        failure = error
        logging.getLogger(__name__).error("The run ends here.", exc_info=error)
    except Exception as error:  # a mistake of ours: the record must not say "running" for ever
        recorder.finish("failed", errors.NODE_FAILED, f"{type(error).__name__}: {error}")
        raise
    with contextlib.suppress(Exception) if failure else contextlib.nullcontext():
        collect.collect(record, connection, config.pipeline_name)
        trials.collect(record, config, connection)
    exit_code = status.give(record, config.output_dir, failure, selection.to_node)
    recorder.write()
    if not failure:
        summary.show(record, console, config.output_dir)
    if failure and os.environ.get(errors.DEBUG):
        traceback.print_exception(failure, file=err.file)
    if exit_code:
        err.print(f"[bold red]{record.status.capitalize()}.[/] ", end="")
        err.print(f"{record.why}\nLog: {log_file(config, run_id)}", markup=False, highlight=False, soft_wrap=True)
    return exit_code


def log_file(config: PipelineConfig, run_id: str) -> Path:
    """Returns the file that a run's noise goes to."""
    return Path(config.output_dir) / "logs" / f"{run_id}.log"


class _Observers:
    """Several observers as one, one call at a time."""

    def __init__(self, *observers: Observer) -> None:
        self._observers, self._lock = observers, threading.RLock()

    def node(self, node_id: str, state: str, seconds: float) -> None:
        with self._lock:
            for observer in self._observers:
                observer.node(node_id, state, seconds)


def _base_run(config: PipelineConfig, selection: Selection) -> str | None:
    """Returns the newest run whose nodes before `from_node` can be taken over."""
    if not selection.from_node:
        return None
    from pipeline import ir
    from pipeline.record import states
    from pipeline.record.run_record import earlier

    needs = ir.needs(config)
    if selection.from_node not in needs:
        return None  # there is no such node: who compiles says so
    taken = graph.ancestors(selection.from_node, needs) - set(node_ids.RESOLVERS)
    usable = {states.DONE, states.CACHED, states.REUSED}
    for record in earlier(config.output_dir):
        if taken <= {node.id for node in record.nodes if node.state in usable}:
            return record.run_id
    raise errors.UsageError(
        f"--from {selection.from_node} takes over what lies before it ({', '.join(sorted(taken))}) from an earlier run, but in "
        f"{config.output_dir} there is no run that has all of it. Run without --from first."
    )
