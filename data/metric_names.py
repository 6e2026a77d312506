"""The names of metrics. Training, TFMA, bounds of a dataset and `run.json` all use these."""

from __future__ import annotations

# Classification. `accuracy_skill` is the accuracy minus the share of the largest class.
AUC = "auc"
AUC_PRECISION_RECALL = "auc_precision_recall"
BINARY_ACCURACY = "binary_accuracy"
ACCURACY = "accuracy"
ACCURACY_SKILL = "accuracy_skill"
CROSS_ENTROPY = "cross_entropy"

# Regression and forecast, in units of the label. `relative_rmse` is the RMSE over that of a simple reference.
MAE = "mae"
RMSE = "rmse"
MEAN_RELATIVE_ERROR = "mean_relative_error"
RELATIVE_RMSE = "relative_rmse"
PERSISTENCE_RMSE = "persistence_rmse"
SEASONAL_NAIVE_RMSE = "seasonal_naive_rmse"

# Properties of a model or of the data: no value of them is better than another.
CALIBRATION = "calibration"
MEAN_LABEL = "mean_label"
MEAN_PREDICTION = "mean_prediction"

# TFMA's count of evaluated rows. Every task has it beside its metrics.
EXAMPLE_COUNT = "example_count"
