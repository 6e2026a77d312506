"""The metrics of the tasks: their directions, those that can choose a checkpoint, and the default bounds."""

import typing

import pytest

from data import TASKS, Task
from data import metric_names as names
from data.tasks import AFTER_TRAINING, Bound, Direction, TaskMetrics


def test_every_task_has_metrics():
    assert set(TASKS) == set(typing.get_args(Task))


@pytest.mark.parametrize("task", TASKS)
def test_every_metric_has_a_direction(task):
    assert set(TASKS[task].metrics.values()) <= set(typing.get_args(Direction))


@pytest.mark.parametrize(
    ("task", "metrics"),
    [
        ("binary_classification", (names.AUC, names.AUC_PRECISION_RECALL, names.BINARY_ACCURACY)),
        ("multiclass_classification", (names.ACCURACY, names.CROSS_ENTROPY)),
        ("regression", (names.MAE, names.RMSE, names.MEAN_RELATIVE_ERROR)),
        ("forecast", (names.RMSE, names.MAE)),
    ],
)
def test_selection_metrics_have_a_direction_and_are_reported_by_the_estimator(task, metrics):
    assert TASKS[task].selection_metrics == metrics
    assert TASKS[task].primary in metrics


def test_metrics_only_of_tfma_and_metrics_without_direction_are_no_selection_metrics():
    [only_tfma, *_] = sorted(AFTER_TRAINING)
    task = TaskMetrics({"good": "higher", "level": "none", only_tfma: "higher"}, primary="good", bounds=())
    assert task.selection_metrics == ("good",)


@pytest.mark.parametrize("task", TASKS)
def test_default_bounds_limit_the_value_and_the_degradation(task):
    bounds = TASKS[task].bounds
    assert [b for b in bounds if (b.at_least, b.at_most) != (None, None)]
    assert [b for b in bounds if (b.max_degradation, b.max_degradation_ratio) != (None, None)]
    assert {b.metric for b in bounds} <= set(TASKS[task].metrics)


def test_a_bound_without_limits_bounds_nothing():
    bound = Bound(names.AUC)
    assert (bound.at_least, bound.at_most, bound.max_degradation, bound.max_degradation_ratio) == (None,) * 4
