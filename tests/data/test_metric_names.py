"""Metric names are public: they stand in `run.json`, in bounds of datasets, and in configurations (`train.best`)."""

from data import TASKS

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
    assert {task: set(judgement.metrics) for task, judgement in TASKS.items()} == NAMES
