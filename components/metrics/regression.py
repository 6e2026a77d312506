"""Errors of numbers, and what they are beside a reference that knows next to nothing.

`relative_rmse` is the root mean squared error over that of a reference forecast on the same rows (Hyndman & Koehler 2006,
"Another look at measures of forecast accuracy", section 2.4): below 1 a model has skill. Because the reference is computed in
the same pass, one bound ("at most 0.95") means the same on any data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

import numpy as np

from components.metrics.combiner import Row, Sums, SumsMetric


class RegressionError(SumsMetric):
    """The errors of a regression. Its reference is the best constant: the mean label of the rows that are evaluated.

    `mean_relative_error` is the mean of |prediction - label| / |label|, 0 for a label of 0; `calibration` the sum of the
    predictions over the sum of the labels.
    """

    NAMES: ClassVar[tuple[str, ...]] = (
        "rmse",
        "mae",
        "mean_relative_error",
        "relative_rmse",
        "calibration",
        "mean_label",
        "mean_prediction",
    )

    def terms(self, label: Row, prediction: Row, features: Mapping[str, Row]) -> Iterable[float]:
        """Returns squared, absolute and relative error, the label and its square, the prediction."""
        y, p = float(label[0]), float(prediction[0])
        error = abs(p - y)
        return error * error, error, error / abs(y) if y else 0.0, y, y * y, p

    def values(self, weight: float, sums: Sums) -> Iterable[float]:
        """Returns the values from the sums."""
        squared, absolute, relative, label, label_squared, prediction = sums / weight
        constant = np.sqrt(max(label_squared - label**2, 0.0))  # standard deviation: RMSE of the mean
        rmse = np.sqrt(squared)
        return rmse, absolute, relative, _ratio(rmse, constant), _ratio(prediction, label), label, prediction


class ForecastError(SumsMetric):
    """The errors of a forecast over its whole horizon, beside two naive forecasts of the same windows.

    Persistence repeats the last known value; the seasonal naive forecast is what the window carries: the same step one
    season ago, plus the change since. The reference of `relative_rmse` is the better of the two. The columns to configure:
    `past`, the window's past values, and `seasonal_naive`, that forecast.
    """

    NAMES: ClassVar[tuple[str, ...]] = ("rmse", "mae", "persistence_rmse", "seasonal_naive_rmse", "relative_rmse")

    def terms(self, label: Row, prediction: Row, features: Mapping[str, Row]) -> Iterable[float]:
        """Returns means over the horizon: squared and absolute error, squared errors of the naive forecasts."""
        forecasts = (prediction, features["past"][-1], features["seasonal_naive"])
        squared, persistence, seasonal = (float(np.mean(np.square(f - label))) for f in forecasts)
        return squared, float(np.mean(np.abs(prediction - label))), persistence, seasonal

    def values(self, weight: float, sums: Sums) -> Iterable[float]:
        """Returns the values from the sums."""
        squared, absolute, persistence, seasonal = sums / weight
        rmse, *naive = np.sqrt([squared, persistence, seasonal])
        return rmse, absolute, *naive, _ratio(rmse, min(naive))


def _ratio(value: float, reference: float) -> float:
    """A reference that makes no error cannot be beaten: then 1 if the model makes none either."""
    if reference:
        return value / reference
    return 1.0 if not value else float("inf")
