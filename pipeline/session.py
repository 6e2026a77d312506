"""One run from start to end: checks, nodes, outcome, record, exit code."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
import signal
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from rich.console import Console

from pipeline import errors, logs, preflight
from pipeline.config import PipelineConfig

if TYPE_CHECKING:
    from pipeline.node import Observer
    from pipeline.record import Recorder, Status

# Runner name -> module with `run(ir, observer)`.
RUNNERS = {"local": "pipeline.local_runner", "beam": "pipeline.beam_runner"}

# How a Beam worker's exception comes back: as text, between its name and what Beam adds.
_INPUT_DATA_ERROR = re.compile(r"InputDataError: (.*?)(?: \[while running|\n|$)")


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
    with preflight.output_folder(config.output_dir), _signals():
        with console.status(f"Checking {config.data_path}") if console.is_terminal else contextlib.nullcontext():
            preflight.check(config)
            logs.settle()
        return _run(config, run_id, runner, selection, console, Console(file=screen.err, stderr=True))


def _run(config: PipelineConfig, run_id: str, runner: str, selection: Selection, console: Console, err: Console) -> int:
    # TFX is imported here and below: what is wrong with the arguments is said before these seconds are spent.
    from pipeline import compiled, node, outcome, report, trials
    from pipeline.progress import Progress
    from pipeline.record import Recorder
    from trainer_module import fingerprint

    base = _base_run(config, selection)
    recorder = Recorder(config, run_id, fingerprint.code("pipeline.dag", "trainer_module.entry"))
    record = recorder.record
    ir = compiled.compile_pipeline(config, record.run_id, selection.from_node, selection.to_node, base)
    recorder.begin(list(compiled.node_ids(ir)))
    failure: errors.NodeFailedError | errors.StoppedError | None = None
    try:
        with Progress(console) as progress:
            progress.begin(compiled.node_ids(ir))
            importlib.import_module(RUNNERS[runner]).run(ir, _Observers(recorder, progress))
    except (errors.NodeFailedError, errors.StoppedError) as error:
        failure = error
        logging.getLogger(__name__).error("The run ends here.", exc_info=error)
    except Exception as error:  # a mistake of ours: the record must not say "running" for ever
        recorder.finish("failed", errors.NODE_FAILED, f"{type(error).__name__}: {error}")
        raise
    with contextlib.suppress(Exception) if failure else contextlib.nullcontext():
        outcome.collect(record, node.connection_config(ir))
        trials.collect(record, config, node.connection_config(ir))
    status, exit_code, why = _verdict(recorder, config, failure, selection)
    recorder.finish(status, exit_code, why)
    if not failure:
        report.show(record, console, config.output_dir)
    if failure and os.environ.get(errors.DEBUG):
        traceback.print_exception(failure, file=err.file)
    if exit_code:
        err.print(f"[bold red]{status.capitalize()}.[/] ", end="")
        err.print(f"{why}\nLog: {log_file(config, run_id)}", markup=False, highlight=False, soft_wrap=True)
    return exit_code


def log_file(config: PipelineConfig, run_id: str) -> Path:
    """Returns the file that a run's noise goes to."""
    return Path(config.output_dir) / "logs" / f"{run_id}.log"


class _Observers:
    """Several observers as one."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def node(self, node_id: str, state: str, seconds: float) -> None:
        for observer in self._observers:
            observer.node(node_id, state, seconds)


def _verdict(
    recorder: Recorder, config: PipelineConfig, failure: BaseException | None, selection: Selection
) -> tuple[Status, int, str]:
    from pipeline.record import earlier

    record = recorder.record
    if isinstance(failure, errors.StoppedError):
        return "interrupted", failure.exit_code, f"{failure} What was served before stays; run again to continue."
    if isinstance(failure, errors.NodeFailedError):
        unreadable = _INPUT_DATA_ERROR.search(str(failure))
        if unreadable:
            return "failed", errors.USAGE, unreadable[1]
        return "failed", errors.NODE_FAILED, f"Node {failure.node} failed: {_first_paragraph(str(failure))}"
    gates = {g.id: g for g in record.gates}
    refused = next((g for g in record.gates if g.decision == "refused"), None)
    if refused:
        return "refused", errors.REFUSED, refused.why
    if any(g.decision == "unchanged" for g in record.gates):
        pushed = next((r for r in earlier(config.output_dir) if r.status == "pushed"), None)
        if pushed:
            record.metrics, record.pushed_path, record.blessed = pushed.metrics, pushed.pushed_path, True
        return "unchanged", errors.OK, gates["ChampionGate"].why
    if record.pushed_path:
        return "pushed", errors.OK, gates["Evaluator"].why if "Evaluator" in gates else ""
    if selection.to_node:
        return "unchanged", errors.OK, f"Stopped behind {selection.to_node}, as asked; nothing was pushed."
    return "failed", errors.NODE_FAILED, "Every node ended, but no model was pushed and no gate says why."


def _first_paragraph(text: str) -> str:
    return text.strip().split("\n\n")[0].split("\nTraceback")[0].strip()


def _base_run(config: PipelineConfig, selection: Selection) -> str | None:
    """Returns the newest run whose nodes before `from_node` can be taken over."""
    if not selection.from_node:
        return None
    from pipeline import node
    from pipeline.record import earlier

    usable = {node.DONE, node.CACHED, node.REUSED}
    for record in earlier(config.output_dir):
        before = []
        for entry in record.nodes:
            if entry.id == selection.from_node:
                break
            before.append(entry.state)
        if record.nodes and all(state in usable for state in before):
            return record.run_id
    raise errors.UsageError(
        f"--from {selection.from_node} takes over what lies before it from an earlier run, but in {config.output_dir} "
        "there is no run that got that far. Run without --from first."
    )


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Makes Ctrl-C and SIGTERM end the run in an orderly way."""

    def stop(number: int, frame: FrameType | None) -> None:
        watch = sys.modules.get("trainer_module.training.watch")  # not before something trains
        if watch and watch.ask_to_leave(number):
            return  # to be called again when a checkpoint has been saved
        if number == signal.SIGINT:
            raise errors.InterruptedRunError("Stopped by Ctrl-C.")
        raise errors.TerminatedRunError("Stopped by SIGTERM.")

    before = {s: signal.signal(s, stop) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
