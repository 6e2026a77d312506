"""When a trial is hopeless: Google Vizier's median stopping rule (Golovin et al. 2017, section 3.2.1)."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from data.tasks import Direction

Curve = Sequence[tuple[int, float]]  # (step, objective) of every evaluation, in time order

# A trial is left alone before this share of its steps: learning curves cross, most of them early.
LEAST_SHARE = 0.3
# And until so many others have ended: a median of two is the mean of two.
LEAST_TRIALS = 3


def best(curve: Curve, direction: Direction) -> float | None:
    """Returns the best value of a curve, None if it has none."""
    values = [value for _, value in curve]
    return (max(values) if direction == "higher" else min(values)) if values else None


def median_rule(curve: Curve, steps: int, rivals: Sequence[Curve], direction: Direction) -> str | None:
    """Says in words why a trial is to be stopped, None if it is not.

    It is, when the best that it has reached is worse than the median of what the others had on average up to its step.

    Args:
        curve: of the trial.
        steps: that it is to train.
        rivals: the curves of trials that have ended.
        direction: which way the objective gets better.
    """
    reached = best(curve, direction)
    if reached is None or curve[-1][0] < LEAST_SHARE * steps:
        return None
    step = curve[-1][0]
    averages = [statistics.fmean(known) for rival in rivals if (known := [v for s, v in rival if s <= step])]
    if len(averages) < LEAST_TRIALS:
        return None
    median = statistics.median(averages)
    worse = reached < median if direction == "higher" else reached > median
    if not worse:
        return None
    return f"stopped early: at step {step:,} its best was {reached:.4g}, the median of {len(averages)} others {median:.4g}"
