"""What a dataset can ask of a model: its task, the metrics by which models of that task are judged, and bounds on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Task = Literal["binary_classification", "multiclass_classification", "regression", "forecast"]
Direction = Literal["higher", "lower", "none"]  # which way a metric gets better


@dataclass(frozen=True)
class Bound:
    """What a metric on the whole evaluation split must reach for a model to be blessed.

    Attributes:
        metric: one of the task's (`TASKS`).
        at_least: least value.
        at_most: greatest value.
        may_lose: how much worse than the latest blessed model's it may be, in units of the metric.
        may_lose_share: how much worse, as a share of the latest blessed model's (0.02 is 2 %).
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    may_lose: float | None = None
    may_lose_share: float | None = None


# What only TFMA computes, after a training: these need all of an evaluation split, or the labels of the training split.
AFTER_TRAINING = frozenset({"accuracy_skill", "calibration", "relative_rmse", "persistence_rmse", "seasonal_naive_rmse"})


@dataclass(frozen=True)
class Judgement:
    """How models of a task are judged.

    Attributes:
        metrics: name -> which way it gets better. Training, TFMA and the record of a run use these names.
        primary: the metric by which the best checkpoint is chosen and a training without progress is stopped.
        bounds: what holds for a dataset that declares nothing: better than knowing only the distribution of the labels,
            and no worse than what is served.
    """

    metrics: Mapping[str, Direction]
    primary: str
    bounds: tuple[Bound, ...]

    @property
    def choosers(self) -> tuple[str, ...]:
        """The metrics that can choose the best checkpoint: a better value exists, and the Estimator itself reports them."""
        return tuple(n for n, better in self.metrics.items() if better != "none" and n not in AFTER_TRAINING)


TASKS: Mapping[Task, Judgement] = {
    "binary_classification": Judgement(
        {
            "auc": "higher",
            "auc_precision_recall": "higher",
            "binary_accuracy": "higher",
            "accuracy_skill": "higher",
            "calibration": "none",
            "mean_label": "none",
            "mean_prediction": "none",
        },
        primary="auc",
        bounds=(Bound("auc", at_least=0.5, may_lose=0.005), Bound("accuracy_skill", at_least=0.01)),
    ),
    "multiclass_classification": Judgement(
        {"accuracy": "higher", "accuracy_skill": "higher", "cross_entropy": "lower"},
        primary="cross_entropy",
        bounds=(Bound("accuracy_skill", at_least=0.01), Bound("accuracy", may_lose=0.005)),
    ),
    "regression": Judgement(
        {
            "mae": "lower",
            "rmse": "lower",
            "mean_relative_error": "lower",
            "relative_rmse": "lower",
            "calibration": "none",
            "mean_label": "none",
            "mean_prediction": "none",
        },
        primary="mae",
        bounds=(Bound("relative_rmse", at_most=0.95), Bound("mae", may_lose_share=0.02)),
    ),
    "forecast": Judgement(
        {
            "rmse": "lower",
            "mae": "lower",
            "persistence_rmse": "none",
            "seasonal_naive_rmse": "none",
            "relative_rmse": "lower",
        },
        primary="rmse",
        bounds=(Bound("relative_rmse", at_most=1.0), Bound("rmse", may_lose_share=0.02)),
    ),
}
