"""Metric names are public: they are in `run.json`, in bounds of datasets, and in configurations (`train.best`)."""

import itertools

from data import TASKS, metric_names

NAMES = {
    "binary_classification": {
        "auc", "auc_precision_recall", "binary_accuracy", "accuracy_skill", "calibration", "mean_label", "mean_prediction",
    },
    "multiclass_classification": {"accuracy", "accuracy_skill", "cross_entropy"},
    "regression": {
        "mae", "rmse", "mean_relative_error", "relative_rmse", "calibration", "mean_label", "mean_prediction",
    },
    "forecast": {"rmse", "mae", "persistence_rmse", "seasonal_naive_rmse", "relative_rmse"},
}  # fmt: skip


def test_the_names_of_metrics_do_not_change():
    assert {task: set(task_metrics.metrics) for task, task_metrics in TASKS.items()} == NAMES


def test_every_name_has_exactly_one_constant():
    constants = [value for name, value in vars(metric_names).items() if name.isupper()]
    assert sorted(constants) == sorted({"example_count", *itertools.chain.from_iterable(NAMES.values())})
