"""The tasks that a model can have, the metrics of each task, and bounds on metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from data import metric_names as names
from data.renamed import refuse_former_arguments

Task = Literal["binary_classification", "multiclass_classification", "regression", "forecast"]
Direction = Literal["higher", "lower", "none"]  # which values of a metric are better


@refuse_former_arguments
@dataclass(frozen=True)
class Bound:
    """A condition on one metric: a model that breaks it is not blessed, so it is not pushed.

    The metric is computed on the whole evaluation split. Example: `Bound("auc", at_least=0.7, max_degradation=0.005)`.

    Attributes:
        metric: a metric of the dataset's task.
        at_least: the least value that is allowed.
        at_most: the greatest value that is allowed.
        max_degradation: how much worse the metric may be than that of the latest blessed model, in the metric's own units:
            lower if higher is better, higher if lower is better.
        max_degradation_ratio: the same as a fraction of the latest blessed model's metric: 0.02 allows 2 % worse.
    """

    metric: str
    at_least: float | None = None
    at_most: float | None = None
    max_degradation: float | None = None
    max_degradation_ratio: float | None = None


# Metrics that only TFMA computes, after a training: they need the whole evaluation split or the labels of the training split.
AFTER_TRAINING = frozenset(
    {names.ACCURACY_SKILL, names.CALIBRATION, names.RELATIVE_RMSE, names.PERSISTENCE_RMSE, names.SEASONAL_NAIVE_RMSE}
)


@dataclass(frozen=True)
class TaskMetrics:
    """The metrics of a task, and how they decide.

    Attributes:
        metrics: name -> the direction in which it gets better. Training, TFMA and `run.json` use these names.
        primary: the metric that chooses the best checkpoint, and that ends a training without progress.
        bounds: the bounds for a dataset that declares no bounds. A model must be better than one that knows only the
            distribution of the labels, and hardly worse than the latest blessed model.
    """

    metrics: Mapping[str, Direction]
    primary: str
    bounds: tuple[Bound, ...]

    @property
    def selection_metrics(self) -> tuple[str, ...]:
        """The metrics that can choose the best checkpoint: they have a direction, and every evaluation reports them."""
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
