"""The trials of a search as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

_MARKS = {
    "running": "[cyan]▶[/]",
    "completed": "[green]✓[/]",
    "stopped early": "[yellow]◦[/]",
    "failed": "[red]✗[/]",
    "interrupted": "[yellow]‖[/]",
}
# More would not fit on a screen beside the nodes.
ROWS = 12

Trial = Mapping[str, Any]  # the fields of trainer_module.tuning.trial_table.TrialSummary


def table(trials: Sequence[Trial], rows: int = ROWS) -> Table:
    """Returns the table: what is tried, what has come of it, how long it took; the best trial in bold.

    Args:
        trials: in the order of their numbers.
        rows: at most; the best trial and the newest ones stay.
    """
    best = _best(trials)
    shown = _shown(trials, best, rows)
    names = list(dict.fromkeys(name for trial in shown for name in trial["values"]))
    metric = trials[0]["metric"] if trials else "objective"
    left = len(trials) - len(shown)
    found = Table(box=None, padding=(0, 1), caption=f"{left} more trials" if left else None, caption_justify="left")
    for title in ("", "trial", *names, metric, "step", "seconds", "state"):
        found.add_column(title, justify="left" if title in ("", "state") else "right", overflow="fold")
    for trial in shown:
        found.add_row(*_cells(trial, names), style="bold" if trial is best else None)
    return found


def line(trial: Trial) -> str:
    """Returns a trial that has ended as a line."""
    values = ", ".join(f"{name} {_text(value)}" for name, value in trial["values"].items())
    objective = f"{trial['metric']} {_text(trial['objective'])}" if trial["objective"] is not None else trial["why"]
    return f"trial {trial['id']}  {trial['state']}  {objective}  {trial['step']:,} steps  {trial['seconds']:.0f} s  ({values})"


def _cells(trial: Trial, names: Sequence[str]) -> list[str]:
    values = [escape(_text(trial["values"].get(name))) for name in names]
    step = f"{trial['step']:,}/{trial['steps']:,}"
    after = f" after {trial['continues']}" if trial["continues"] is not None else ""
    state = f"[dim]{trial['state']}{after}[/]"
    return [_MARKS[trial["state"]], trial["id"], *values, _text(trial["objective"]), step, f"{trial['seconds']:.0f}", state]


def _text(value: object) -> str:
    """Four digits say enough of a number."""
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _best(trials: Sequence[Trial]) -> Trial | None:
    known = [t for t in trials if t["objective"] is not None and t["state"] in ("completed", "stopped early")]
    pick = max if known and known[0]["direction"] == "higher" else min
    return pick(known, key=lambda t: t["objective"], default=None)


def _shown(trials: Sequence[Trial], best: Trial | None, rows: int) -> list[Trial]:
    kept = list(trials[-rows:])
    if best is not None and not any(t is best for t in kept):
        kept[0] = best
    return kept
