"""What a dataset can ask of a model: its task, the metrics by which models of that task are judged, and bounds on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from data import metric_names as names
from data.renamed import refuse_former_arguments

Task = Literal["binary_classification", "multiclass_classification", "regression", "forecast"]
Direction = Literal["higher", "lower", "none"]  # which way a metric gets better


@refuse_former_arguments
@dataclass(frozen=True)
class Bound:
    """What a metric on the whole evaluation split must reach for a model to be blessed.

    Attributes:
        metric: one of the task's (`TASKS`).
        at_least: least value.
        at_most: greatest value.
        max_degradation: how much worse than the latest blessed model's it may be, in units of the metric.
        max_degradation_ratio: how much worse, as a share of the latest blessed model's (0.02 is 2 %).
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    max_degradation: float | None = None
    max_degradation_ratio: float | None = None


# What only TFMA computes, after a training: these need all of an evaluation split, or the labels of the training split.
AFTER_TRAINING = frozenset(
    {names.ACCURACY_SKILL, names.CALIBRATION, names.RELATIVE_RMSE, names.PERSISTENCE_RMSE, names.SEASONAL_NAIVE_RMSE}
)


@dataclass(frozen=True)
class TaskMetrics:
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
    def selection_metrics(self) -> tuple[str, ...]:
        """The metrics that can choose the best checkpoint: a better value exists, and the Estimator itself reports them."""
        return tuple(n for n, better in self.metrics.items() if better != "none" and n not in AFTER_TRAINING)


TASKS: Mapping[Task, TaskMetrics] = {
    "binary_classification": TaskMetrics(
        {
            names.AUC: "higher",
            names.AUC_PRECISION_RECALL: "higher",
            names.BINARY_ACCURACY: "higher",
            names.ACCURACY_SKILL: "higher",
            names.CALIBRATION: "none",
            names.MEAN_LABEL: "none",
            names.MEAN_PREDICTION: "none",
        },
        primary=names.AUC,
        bounds=(Bound(names.AUC, at_least=0.5, max_degradation=0.005), Bound(names.ACCURACY_SKILL, at_least=0.01)),
    ),
    "multiclass_classification": TaskMetrics(
        {names.ACCURACY: "higher", names.ACCURACY_SKILL: "higher", names.CROSS_ENTROPY: "lower"},
        primary=names.CROSS_ENTROPY,
        bounds=(Bound(names.ACCURACY_SKILL, at_least=0.01), Bound(names.ACCURACY, max_degradation=0.005)),
    ),
    "regression": TaskMetrics(
        {
            names.MAE: "lower",
            names.RMSE: "lower",
            names.MEAN_RELATIVE_ERROR: "lower",
            names.RELATIVE_RMSE: "lower",
            names.CALIBRATION: "none",
            names.MEAN_LABEL: "none",
            names.MEAN_PREDICTION: "none",
        },
        primary=names.MAE,
        bounds=(Bound(names.RELATIVE_RMSE, at_most=0.95), Bound(names.MAE, max_degradation_ratio=0.02)),
    ),
    "forecast": TaskMetrics(
        {
            names.RMSE: "lower",
            names.MAE: "lower",
            names.PERSISTENCE_RMSE: "none",
            names.SEASONAL_NAIVE_RMSE: "none",
            names.RELATIVE_RMSE: "lower",
        },
        primary=names.RMSE,
        bounds=(Bound(names.RELATIVE_RMSE, at_most=1.0), Bound(names.RMSE, max_degradation_ratio=0.02)),
    ),
}
