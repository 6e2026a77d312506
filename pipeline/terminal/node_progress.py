"""Shows the progress of a run on the terminal: a line per node, the steps of a training, the trials of a search."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table

from pipeline import node_ids
from pipeline.record.run_record import NodeState
from pipeline.terminal import trials_table
from trainer_module.training import progress
from trainer_module.training.progress import ProgressReport
from trainer_module.tuning import trial_table
from trainer_module.tuning.trial_summary import TrialSummary

_MARKS: dict[NodeState, str] = {
    "waiting": "[dim]·[/]",
    "running": "[cyan]▶[/]",
    "done": "[green]✓[/]",
    "cached": "[green]=[/]",
    "reused": "[green]=[/]",
    "skipped": "[dim]-[/]",
    "failed": "[red]✗[/]",
}
_REFRESH_PER_SECOND = 4
# Seconds between two lines about a training where the output is not a terminal.
_LINE_EVERY_SECONDS = 5.0

_LOGGERS = (progress.LOGGER, trial_table.LOGGER)


class Progress(logging.Handler):
    """Shows a run while it runs: a live table on a terminal, plain lines elsewhere.

    It observes the nodes, and handles the log records of trainings and searches.
    """

    def __init__(self, console: Console, nodes: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        """Creates the progress of a run whose nodes all wait. It is shown while the object is entered.

        Args:
            console: shows the progress.
            nodes: ids of the nodes of the run, at least one.
            clock: returns seconds.
        """
        super().__init__()
        self._console, self._clock = console, clock
        self._states: dict[str, tuple[NodeState, float]] = dict.fromkeys(nodes, ("waiting", 0.0))
        self._width = max(map(len, nodes))
        self._started_at: dict[str, float] = {}
        self._training = ""
        self._trials: list[TrialSummary] = []
        self._last_line_at = -float("inf")
        self._live = Live(get_renderable=self.render, console=console, refresh_per_second=_REFRESH_PER_SECOND)

    def __enter__(self) -> Progress:
        for logger in _LOGGERS:
            logger.addHandler(self)
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        for logger in _LOGGERS:
            logger.removeHandler(self)
        self._live.stop()

    def node(self, node_id: str, state: NodeState, seconds: float) -> None:
        """Shows that a node has entered a state."""
        self._states[node_id] = (state, seconds)
        if state == "running":
            self._started_at[node_id], self._training = self._clock(), ""
        elif not self._console.is_terminal:
            self._console.print(f"{node_id:{self._width}}  {state:8}{seconds:6.1f} s", highlight=False)

    def emit(self, record: logging.LogRecord) -> None:
        """Shows the progress of the training or the search that has written a log record."""
        if record.name == trial_table.LOGGER.name:
            self._show_trials(record.trials)  # type: ignore[attr-defined]
        else:
            self._show_training(record.progress)  # type: ignore[attr-defined]

    def _show_training(self, report: ProgressReport) -> None:
        self._training = (
            f"step {report.step:,}/{report.steps:,}  loss {report.loss:.4f}  {report.steps_per_second:,.0f} steps/s"
        )
        now = self._clock()
        if not self._console.is_terminal and now - self._last_line_at >= _LINE_EVERY_SECONDS:
            self._last_line_at = now
            self._console.print(f"{'':{self._width}}  {self._training}", highlight=False)

    def _show_trials(self, trials: list[TrialSummary]) -> None:
        """Prints a line for every trial that has ended since the last call; on a terminal, the table shows them."""
        shown, self._trials = {trial.id for trial in self._trials if trial.has_ended}, trials
        if self._console.is_terminal:
            return
        for trial in trials:
            if trial.has_ended and trial.id not in shown:
                line = f"{'':{self._width}}  {trials_table.line(trial)}"
                self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def render(self) -> RenderableType:
        """Returns what the live table shows now."""
        tuner_state, _ = self._states.get(node_ids.TUNER, ("waiting", 0.0))
        if tuner_state != "running" or not self._trials:
            return self._node_table()
        return Group(self._node_table(), trials_table.table(self._trials))

    def _node_table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for node_id, (state, seconds) in self._states.items():
            is_running = state == "running"
            shown_seconds = self._clock() - self._started_at[node_id] if is_running else seconds
            timing = "" if state in ("waiting", "skipped") else f"{shown_seconds:6.1f} s"
            detail = self._training if is_running else ""
            table.add_row(_MARKS[state], node_id, f"[dim]{state}[/]", timing, detail)
        return table
