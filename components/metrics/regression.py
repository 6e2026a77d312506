"""Metrics of regressions and forecasts: errors, and their ratio to the error of a naive reference.

`relative_rmse` is the root mean squared error over that of a reference forecast on the same rows (Hyndman & Koehler 2006,
"Another look at measures of forecast accuracy", section 2.4). Below 1 a model has skill. The reference is computed in the
same pass, so one bound ("at most 0.95") means the same on any data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from components.metrics.combiner import Row, Sums, SumsMetric
from data import metric_names as names


class RegressionMetrics(SumsMetric):
    """The metrics of a regression. The reference of `relative_rmse` is the mean label of the evaluated rows.

    `mean_relative_error` is the mean of |prediction - label| / |label|, where a label of 0 counts as 0. `calibration` is the
    sum of the predictions over the sum of the labels.
    """

    def terms(self, label: Row, prediction: Row, features: Mapping[str, Row]) -> Iterable[float]:
        """Returns the squared, absolute and relative error, the label, its square, and the prediction of one row."""
        y, p = float(label[0]), float(prediction[0])
        error = abs(p - y)
        return error * error, error, error / abs(y) if y else 0.0, y, y * y, p

    def values(self, weight: float, sums: Sums) -> Mapping[str, float]:
        """Returns metric name -> value."""
        squared, absolute, relative, label, label_squared, prediction = sums / weight
        rmse = np.sqrt(squared)
        rmse_of_mean = np.sqrt(max(label_squared - label**2, 0.0))  # the standard deviation of the labels
        return {
            names.RMSE: rmse,
            names.MAE: absolute,
            names.MEAN_RELATIVE_ERROR: relative,
            names.RELATIVE_RMSE: _ratio(rmse, rmse_of_mean),
            names.CALIBRATION: _ratio(prediction, label),
            names.MEAN_LABEL: label,
            names.MEAN_PREDICTION: prediction,
        }


class ForecastMetrics(SumsMetric):
    """The metrics of a forecast over its whole horizon, and the errors of two naive forecasts of the same windows.

    Persistence repeats the last known value. The seasonal naive forecast is the value of the same step one season ago, plus the
    change since then. The reference of `relative_rmse` is the better of the two. The metric reads two columns of the window:
    `past`, its past values, and `seasonal_naive`, that forecast.
    """

    def terms(self, label: Row, prediction: Row, features: Mapping[str, Row]) -> Iterable[float]:
        """Returns means over the horizon: squared and absolute error, and the squared errors of the naive forecasts."""
        forecasts = (prediction, features["past"][-1], features["seasonal_naive"])
        squared, persistence, seasonal = (float(np.mean(np.square(forecast - label))) for forecast in forecasts)
        return squared, float(np.mean(np.abs(prediction - label))), persistence, seasonal

    def values(self, weight: float, sums: Sums) -> Mapping[str, float]:
        """Returns metric name -> value."""
        squared, absolute, persistence_squared, seasonal_squared = sums / weight
        rmse, persistence, seasonal = np.sqrt([squared, persistence_squared, seasonal_squared])
        return {
            names.RMSE: rmse,
            names.MAE: absolute,
            names.PERSISTENCE_RMSE: persistence,
            names.SEASONAL_NAIVE_RMSE: seasonal,
            names.RELATIVE_RMSE: _ratio(rmse, min(persistence, seasonal)),
        }


def _ratio(value: float, reference: float) -> float:
    """Returns value / reference. Over a reference of 0: 1 if the value is 0 too, else infinity."""
    if reference:
        return value / reference
    return 1.0 if not value else float("inf")
