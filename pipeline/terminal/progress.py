"""What a person sees while the nodes run: one line a node."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table

from pipeline import node_ids
from pipeline.record.run_record import NodeState
from pipeline.terminal import trials_table
from trainer_module.training.progress import LOGGER, ProgressReport
from trainer_module.tuning.trial_table import LOGGER as SEARCH

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
_PLAIN_EVERY_SECONDS = 5.0


class Progress(logging.Handler):
    """Observer of the nodes and of what Trainer and Tuner report: a live table on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        """`console`: where to show it."""
        super().__init__()
        self._console = console
        self._states: dict[str, tuple[NodeState, float]] = {}
        self._started: dict[str, float] = {}
        self._training = ""
        self._trials: list[dict[str, Any]] = []
        self._said = 0.0
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=_REFRESH_PER_SECOND)

    def begin(self, node_ids: Sequence[str]) -> None:
        """Lists the nodes to come."""
        self._states = dict.fromkeys(node_ids, ("waiting", 0.0))
        self._width = max(map(len, node_ids))
        if self._console.is_terminal:
            self._live.start()

    def __enter__(self) -> Progress:
        for logger in (LOGGER, SEARCH):
            logger.addHandler(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None) -> None:
        for logger in (LOGGER, SEARCH):
            logger.removeHandler(self)
        self._live.stop()

    def node(self, node_id: str, state: NodeState, seconds: float) -> None:
        """A node has entered a state."""
        self._states[node_id] = (state, seconds)
        if state == "running":
            self._started[node_id], self._training = time.monotonic(), ""
        elif not self._console.is_terminal:
            self._console.print(f"{node_id:{self._width}}  {state:8}{seconds:6.1f} s", highlight=False)

    def emit(self, record: logging.LogRecord) -> None:
        """The Trainer or the Tuner reports."""
        if record.name == SEARCH.name:
            self._search(getattr(record, "trials", []))
            return
        report: ProgressReport = record.progress  # type: ignore[attr-defined]
        self._training = (
            f"step {report.step:,}/{report.steps:,}  loss {report.loss:.4f}  {report.steps_per_second:,.0f} steps/s"
        )
        now = time.monotonic()
        if not self._console.is_terminal and now - self._said >= _PLAIN_EVERY_SECONDS:
            self._said = now
            self._console.print(f"{'':{self._width}}  {self._training}", highlight=False)

    def _search(self, trials: list[dict[str, Any]]) -> None:
        known, self._trials = {t["id"] for t in _ended(self._trials)}, trials
        if self._console.is_terminal:
            return
        for trial in _ended(trials):
            if trial["id"] not in known:
                line = f"{'':{self._width}}  {trials_table.line(trial)}"
                self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _table(self) -> RenderableType:
        nodes = self._nodes()
        if self._states.get(node_ids.TUNER, ("waiting", 0.0))[0] != "running" or not self._trials:
            return nodes
        return Group(nodes, trials_table.table(self._trials))

    def _nodes(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for node_id, (state, seconds) in self._states.items():
            running = state == "running"
            shown = time.monotonic() - self._started[node_id] if running else seconds
            timing = "" if state in ("waiting", "skipped") else f"{shown:6.1f} s"
            detail = self._training if running else ""
            table.add_row(_MARKS[state], node_id, f"[dim]{state}[/]", timing, detail)
        return table


def _ended(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [t for t in trials if t["state"] not in ("running", "interrupted")]
