"""The plot of a search: the objective of every trial, and the best one so far."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from trainer_module.files import atomic
from trainer_module.tuning.trial_summary import TrialSummary

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(trials: Sequence[TrialSummary], target: str) -> None:
    """Draws the plot as PNG.

    Args:
        trials: the trials of the search, at least one, in the order of their numbers.
        target: path of the file.
    """
    # Figure, not pyplot: pyplot has global state and may open windows.
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots()
    _draw_trials(axes, trials)
    steps = best_so_far(trials)
    if steps:
        axes.step(*zip(*steps, strict=True), where="post", color="tab:orange", label="best so far")
    axes.set_title(f"{trials[0].metric} by trial ({trials[0].direction} is better)")
    axes.set_xlabel("trial")
    axes.set_ylabel(trials[0].metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    atomic.write(target, png.getvalue())


def _draw_trials(axes: Axes, trials: Sequence[TrialSummary]) -> None:
    for state, fill in (("completed", "tab:blue"), ("stopped early", "white")):
        points = [(int(t.id), t.objective) for t in trials if t.state == state and t.objective is not None]
        if points:
            axes.scatter(*zip(*points, strict=True), facecolor=fill, edgecolor="tab:blue", label=state, zorder=3)
    failed = [int(t.id) for t in trials if t.state == "failed"]
    if failed:  # they have no value: a cross on the lower edge
        axes.scatter(
            failed, [0] * len(failed), marker="x", s=60, linewidths=2, color="tab:red", label="failed",
            clip_on=False, transform=axes.get_xaxis_transform(),
        )  # fmt: skip


def best_so_far(trials: Sequence[TrialSummary]) -> list[tuple[int, float]]:
    """Returns (number of a trial, best objective up to it) for every trial with a value, and then for the last trial."""
    points = [(int(t.id), t.objective) for t in trials if t.has_value and t.objective is not None]
    if not points:
        return []
    numbers, values = zip(*points, strict=True)
    bests = [*accumulate(values, max if trials[0].direction == "higher" else min)]
    last = max(int(t.id) for t in trials)
    return [*zip(numbers, bests, strict=True), (last, bests[-1])]
