"""A picture of a search: the objective of every trial, and the best one so far."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from trainer_module.files import atomic
from trainer_module.tuning.trial_table import TrialSummary


def draw(trials: Sequence[TrialSummary], target: str) -> None:
    """Draws the picture as PNG.

    Args:
        trials: of the search, at least one, in their order.
        target: path.
    """
    # Figure, not pyplot: nothing global, no window system.
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots()
    _points(axes, trials)
    _best_so_far(axes, trials)
    axes.set_title(f"{trials[0].metric} by trial ({trials[0].direction} is better)")
    axes.set_xlabel("trial")
    axes.set_ylabel(trials[0].metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend()
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110)
    atomic.write(target, png.getvalue())


def _points(axes: Any, trials: Sequence[TrialSummary]) -> None:
    for state, inside in (("completed", "tab:blue"), ("stopped early", "white")):
        mine = [(int(r.id), r.objective) for r in trials if r.state == state and r.objective is not None]
        if mine:
            axes.scatter(*zip(*mine, strict=True), facecolor=inside, edgecolor="tab:blue", label=state, zorder=3)
    failed = [int(r.id) for r in trials if r.state == "failed"]
    if failed:  # without a value: on the lower edge
        edge = {"clip_on": False, "transform": axes.get_xaxis_transform()}
        axes.scatter(failed, [0] * len(failed), marker="x", s=60, linewidths=2, color="tab:red", label="failed", **edge)


def _best_so_far(axes: Any, trials: Sequence[TrialSummary]) -> None:
    known = [(int(r.id), r.objective) for r in trials if r.state in ("completed", "stopped early") and r.objective is not None]
    if known:
        better = max if trials[0].direction == "higher" else min
        numbers, values = zip(*known, strict=True)
        ends = [*numbers, max(int(r.id) for r in trials)]
        bests = [*accumulate(values, better)]
        axes.step(ends, [*bests, bests[-1]], where="post", color="tab:orange", label="best so far")
