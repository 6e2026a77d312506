"""Google Vizier's median stopping rule (Golovin et al. 2017, section 3.2.1): which trials are stopped early."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from data.tasks import Direction

Curve = Sequence[tuple[int, float]]  # (step, objective) of every evaluation, in time order

# No trial is stopped before this share of its steps: learning curves cross, most of them early.
LEAST_SHARE = 0.3
# No trial is stopped before this many others have ended: the median of two is only their mean.
LEAST_TRIALS = 3


def best(curve: Curve, direction: Direction) -> float | None:
    """Returns the best value of a curve, None for an empty curve."""
    values = [value for _, value in curve]
    return (max(values) if direction == "higher" else min(values)) if values else None


def median_rule(curve: Curve, steps: int, finished_trials: Sequence[Curve], direction: Direction) -> str | None:
    """Returns why a trial must be stopped; None if it may continue.

    It must stop if its best value is worse than the median over the finished trials. Each finished trial enters the median with
    the mean of its values up to the current step of this trial.

    Args:
        curve: the curve of this trial.
        steps: global step at which the trial ends.
        finished_trials: the curves of trials that have ended.
        direction: in which the objective gets better.
    """
    best_value = best(curve, direction)
    if best_value is None or curve[-1][0] < LEAST_SHARE * steps:
        return None
    step = curve[-1][0]
    means = [statistics.fmean(values) for curve in finished_trials if (values := [v for s, v in curve if s <= step])]
    if len(means) < LEAST_TRIALS:
        return None
    median = statistics.median(means)
    is_worse = best_value < median if direction == "higher" else best_value > median
    if not is_worse:
        return None
    return (
        f"stopped early: at step {step:,} its best value was {best_value:.4g}, the median of {len(means)} others {median:.4g}"
    )
