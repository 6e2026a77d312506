"""The trials of a search as a table, and one trial as a line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from trainer_module.tuning.trial_summary import TrialState, TrialSummary

_MARKS: dict[TrialState, str] = {
    "running": "[cyan]▶[/]",
    "completed": "[green]✓[/]",
    "stopped early": "[yellow]◦[/]",
    "failed": "[red]✗[/]",
    "interrupted": "[yellow]‖[/]",
}
# With more rows the table would not fit on a terminal below the table of the nodes.
ROWS = 12


def table(trials: Sequence[TrialSummary], rows: int = ROWS) -> Table:
    """Returns a table with the values, the objective, the steps and the seconds of each trial. The best trial is in bold.

    Args:
        trials: the trials, in the order of their numbers.
        rows: greatest number of rows. The newest trials are shown, and the best one.
    """
    best = _best(trials)
    shown = _shown(trials, best, rows)
    names = list(dict.fromkeys(name for trial in shown for name in trial.values))
    metric = trials[0].metric if trials else "objective"
    hidden = len(trials) - len(shown)
    table = Table(box=None, padding=(0, 1), caption=f"{hidden} more trials" if hidden else None, caption_justify="left")
    for title in ("", "trial", *names, metric, "step", "seconds", "state"):
        table.add_column(title, justify="left" if title in ("", "state") else "right", overflow="fold")
    for trial in shown:
        table.add_row(*_cells(trial, names), style="bold" if trial is best else None)
    return table


def line(trial: TrialSummary) -> str:
    """Returns one line about a trial that has ended."""
    values = ", ".join(f"{name} {_text(value)}" for name, value in trial.values.items())
    result = f"{trial.metric} {_text(trial.objective)}" if trial.objective is not None else trial.why
    return f"trial {trial.id}  {trial.state}  {result}  {trial.step:,} steps  {trial.seconds:.0f} s  ({values})"


def _cells(trial: TrialSummary, names: Sequence[str]) -> list[str]:
    values = [escape(_text(trial.values.get(name))) for name in names]
    step = f"{trial.step:,}/{trial.steps:,}"
    after = f" after {trial.continues}" if trial.continues is not None else ""
    state = f"[dim]{trial.state}{after}[/]"
    return [_MARKS[trial.state], trial.id, *values, _text(trial.objective), step, f"{trial.seconds:.0f}", state]


def _text(value: object) -> str:
    """Returns the text of a cell; a float with four significant digits."""
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _best(trials: Sequence[TrialSummary]) -> TrialSummary | None:
    ended = [(trial.objective, trial) for trial in trials if trial.has_value and trial.objective is not None]
    pick = max if ended and ended[0][1].direction == "higher" else min
    return pick(ended, key=lambda pair: pair[0])[1] if ended else None


def _shown(trials: Sequence[TrialSummary], best: TrialSummary | None, rows: int) -> list[TrialSummary]:
    shown = list(trials[-rows:])
    if best is not None and not any(trial is best for trial in shown):
        shown[0] = best
    return shown
