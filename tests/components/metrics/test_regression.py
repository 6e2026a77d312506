"""Error metrics of regressions and forecasts: their values, alone and in TFMA, and bounds that a model passes or misses."""

import dataclasses
import math

import numpy as np
import pytest
from tensorflow_model_analysis.metrics.metric_types import StandardMetricInputs

from components.metrics.regression import ForecastMetrics, RegressionMetrics
from data import SERIES, TASKS, Bound, Dataset, Numeric, NumericLabel, Series, Vocabulary
from data import metric_names as names
from tests.support.evaluation import evaluate_rows

HOUSES = Dataset(
    name="houses",
    sample="",
    features=(Numeric("area"), Vocabulary("street")),
    label=NumericLabel("price"),
    weight="copies",
    slices=("street",),
)
PRICES = np.array([100.0, 200, 300, 400, 0, 150, 90])
GUESSES = np.array([110.0, 180, 330, 400, 20, 150, 80])
STREETS = ["north", "north", "north", "south", "south", "south", "empty"]
COPIES = np.array([1, 2, 0.2, 1, 0.5, 1.5, 0])

LEVELS = Series(time="day", value="level", inputs=3, outputs=2, id="place")
FORECAST = Dataset(
    name="levels", sample="", features=LEVELS.features, label=LEVELS.label, series=LEVELS, slices=(SERIES,), weight="copies"
)
PAST = np.array([[1.0, 2, 3], [5, 5, 5], [9, 8, 7], [0, 0, 1]])
FUTURE = np.array([[4.0, 5], [6, 4], [6, 5], [1, 2]])
NAIVE = np.array([[3.5, 4], [5, 5], [7, 7], [9, 9]])
FORECASTS = np.array([[4.0, 4], [6, 5], [6, 4], [2, 2]])
PLACES = ["a", "a", "b", "b"]
WEIGHTS = np.array([1.0, 0, 3, 0.5])


def rmse(errors, weights=None):
    return math.sqrt(np.average(np.mean(np.square(errors), axis=1), weights=weights))


def regression(guesses, weights=None):
    """The values that RegressionMetrics should have, by NumPy."""
    w = np.ones(len(PRICES)) if weights is None else weights
    errors = np.abs(guesses - PRICES)
    mean = np.average(PRICES, weights=w)
    root_error = math.sqrt(np.average(errors**2, weights=w))
    return {
        names.RMSE: root_error,
        names.MAE: np.average(errors, weights=w),
        names.MEAN_RELATIVE_ERROR: np.average(
            np.divide(errors, PRICES, out=np.zeros(len(PRICES)), where=PRICES > 0), weights=w
        ),
        names.RELATIVE_RMSE: root_error / math.sqrt(np.average((PRICES - mean) ** 2, weights=w)),
        names.CALIBRATION: np.average(guesses, weights=w) / mean,
        names.MEAN_LABEL: mean,
        names.MEAN_PREDICTION: np.average(guesses, weights=w),
    }


def forecast(rows=slice(None), weights=None):
    """The values that ForecastMetrics should have for some rows, by NumPy."""
    w = None if weights is None else weights[rows]
    model_rmse, persistence, seasonal = (
        rmse((f - FUTURE)[rows], w) for f in (FORECASTS, np.repeat(PAST[:, -1:], 2, axis=1), NAIVE)
    )
    return {
        names.RMSE: model_rmse,
        names.MAE: np.average(np.mean(np.abs(FORECASTS - FUTURE), axis=1)[rows], weights=w),
        names.PERSISTENCE_RMSE: persistence,
        names.SEASONAL_NAIVE_RMSE: seasonal,
        names.RELATIVE_RMSE: model_rmse / min(persistence, seasonal),
    }


def task_metrics(metrics):
    """The metrics of the task: all except the number of rows and the sum of weights that TFMA adds."""
    return {k: v for k, v in metrics.items() if names.EXAMPLE_COUNT not in k}


def without_tfma(metric, labels, predictions, features=None):
    """The metrics from the combiner alone, without the evaluator of TFMA and without weights."""
    shared, _ = metric.computations(example_weighted=False)
    totals = shared.combiner.create_accumulator()
    for i, label in enumerate(labels):
        columns = {k: np.asarray(v[i]) for k, v in (features or {}).items()}
        row = StandardMetricInputs(label=np.atleast_1d(label), prediction=np.atleast_1d(predictions[i]), features=columns)
        totals = shared.combiner.add_input(totals, row)
    return metric.values(totals[0], totals[1:])


def failures(result):
    """The metrics that miss a bound: (name, number of columns of the slice)."""
    return sorted(
        (failure.metric_key.name, len(validation.slice_key.single_slice_keys))
        for validation in result.validation.metric_validations_per_slice
        for failure in validation.failures
    )


@pytest.fixture(scope="module")
def houses(tmp_path_factory):
    """The evaluation of a regression that misses two of three bounds."""
    bounds = (Bound(names.MAE, at_most=8), Bound(names.RMSE, at_most=100), Bound(names.CALIBRATION, at_least=1.1))
    dataset = dataclasses.replace(HOUSES, bounds=bounds)
    folder = tmp_path_factory.mktemp("houses")
    return evaluate_rows(folder, dataset, PRICES, GUESSES, features={"street": STREETS}, weights=COPIES)


@pytest.fixture(scope="module")
def levels(tmp_path_factory):
    """The evaluation of a forecast that misses one of two bounds. Its data has columns with text."""
    dataset = dataclasses.replace(FORECAST, bounds=(Bound(names.RELATIVE_RMSE, at_most=0.9), Bound(names.RMSE, at_most=0.1)))
    features = {"level": PAST, "level_seasonal_naive": NAIVE, SERIES: PLACES, "note": ["ä", "", "no number", "?"]}
    return evaluate_rows(tmp_path_factory.mktemp("levels"), dataset, FUTURE, FORECASTS, features=features, weights=WEIGHTS)


# Regressions.


def test_the_errors_of_a_regression_are_weighted_and_computed_by_slice(houses):
    assert task_metrics(houses.metrics["overall"]) == pytest.approx(regression(GUESSES, COPIES))
    in_the_north = COPIES * [s == "north" for s in STREETS]
    assert task_metrics(houses.metrics["north"]) == pytest.approx(regression(GUESSES, in_the_north))
    assert set(houses.metrics) == {"overall", "north", "south", "empty"}


def test_the_metrics_of_a_slice_whose_weights_are_zero_are_nan(houses):
    assert all(math.isnan(v) for v in task_metrics(houses.metrics["empty"]).values())


def test_without_weights_every_row_counts_the_same():
    assert without_tfma(RegressionMetrics(names.MAE), PRICES, GUESSES) == pytest.approx(regression(GUESSES))


def test_predicting_the_mean_label_has_the_relative_error_one():
    metrics = without_tfma(RegressionMetrics(names.RELATIVE_RMSE), PRICES, np.full(len(PRICES), PRICES.mean()))
    assert metrics[names.RELATIVE_RMSE] == pytest.approx(1)
    assert metrics[names.CALIBRATION] == pytest.approx(1)


@pytest.mark.parametrize(("guesses", "expected"), [([8, 8, 8], 1), ([8, 8, 9], math.inf)])
def test_the_relative_error_for_a_constant_label_is_one_or_infinite(guesses, expected):
    assert without_tfma(RegressionMetrics(names.RELATIVE_RMSE), [8.0, 8, 8], guesses)[names.RELATIVE_RMSE] == expected


def test_a_label_of_zero_counts_as_no_relative_error():
    metrics = without_tfma(RegressionMetrics(names.MAE), [0.0, 10.0], [5.0, 11.0])
    assert metrics[names.MEAN_RELATIVE_ERROR] == pytest.approx(0.1 / 2)


# Forecasts.


def test_the_errors_of_a_forecast_are_weighted_and_computed_by_slice(levels):
    assert task_metrics(levels.metrics["overall"]) == pytest.approx(forecast(weights=WEIGHTS))
    assert task_metrics(levels.metrics["a"]) == pytest.approx(forecast([0, 1], WEIGHTS))
    assert task_metrics(levels.metrics["b"]) == pytest.approx(forecast([2, 3], WEIGHTS))
    # In each series another of the two naive forecasts is the better one.
    assert levels.metrics["a"][names.SEASONAL_NAIVE_RMSE] < levels.metrics["a"][names.PERSISTENCE_RMSE]
    assert levels.metrics["b"][names.PERSISTENCE_RMSE] < levels.metrics["b"][names.SEASONAL_NAIVE_RMSE]


def test_a_forecast_is_evaluated_without_weights_and_persistence_is_not_better_than_naive():
    metric = ForecastMetrics(names.RMSE, past="level", seasonal_naive="level_seasonal_naive")
    features = {"level": PAST, "level_seasonal_naive": NAIVE}
    assert without_tfma(metric, FUTURE, FORECASTS, features) == pytest.approx(forecast())
    repeated = without_tfma(metric, FUTURE, np.repeat(PAST[:, -1:], 2, axis=1), features)
    assert repeated[names.RMSE] == repeated[names.PERSISTENCE_RMSE]
    assert repeated[names.RELATIVE_RMSE] >= 1


def test_only_the_configured_columns_reach_the_combiner():
    metric = ForecastMetrics(names.RMSE, past="level", seasonal_naive="level_seasonal_naive")
    shared, derived = metric.computations(example_weighted=False)
    [preprocessor] = shared.preprocessors
    row = {"features": {"level": PAST[0], "level_seasonal_naive": NAIVE[0], "note": np.array(["text"])}}
    [processed] = preprocessor.process(row)
    assert set(processed["features"]) == {"level", "level_seasonal_naive"}
    assert [key.name for key in derived.keys] == [names.RMSE]


# Names and bounds.


@pytest.mark.parametrize(("task", "metric"), [("regression", RegressionMetrics), ("forecast", ForecastMetrics)])
def test_every_metric_of_the_task_has_a_value(task, metric):
    assert set(metric("any").values(1.0, np.ones(6 if task == "regression" else 4))) == set(TASKS[task].metrics)


def test_bounds_apply_only_to_the_overall_metrics(houses, levels):
    assert not houses.validation.validation_ok
    assert failures(houses) == [(names.CALIBRATION, 0), (names.MAE, 0)]
    assert not levels.validation.validation_ok
    assert failures(levels) == [(names.RMSE, 0)]


def test_an_error_may_grow_by_a_ratio_of_the_error_of_the_blessed_model(tmp_path):
    better = FUTURE + (FORECASTS - FUTURE) / 1.2  # the candidate's errors are 20 % larger
    bounds = (
        Bound(names.RMSE, max_degradation_ratio=0.3),
        Bound(names.MAE, max_degradation_ratio=0.1),
        Bound(names.RELATIVE_RMSE, at_most=0.9),
    )
    dataset = dataclasses.replace(FORECAST, weight=None, slices=(), bounds=bounds)
    features = {"level": PAST, "level_seasonal_naive": NAIVE}
    result = evaluate_rows(tmp_path, dataset, FUTURE, FORECASTS, baseline=better, features=features)
    [validation] = result.validation.metric_validations_per_slice
    [failure] = validation.failures
    assert (failure.metric_key.name, failure.metric_key.is_diff) == (names.MAE, True)
    # TFMA reports the difference, even if the bound is a ratio.
    mae = result.metrics["overall"][names.MAE]
    assert failure.metric_value.double_value.value == pytest.approx(mae - mae / 1.2)


def test_a_model_that_reaches_every_bound_passes(tmp_path):
    bounds = (
        Bound(names.MAE, at_most=20),
        Bound(names.RELATIVE_RMSE, at_most=0.95),
        Bound(names.CALIBRATION, at_least=0.9, at_most=1.1),
    )
    dataset = dataclasses.replace(HOUSES, weight=None, slices=(), bounds=bounds)
    result = evaluate_rows(tmp_path, dataset, PRICES, GUESSES)
    assert task_metrics(result.metrics["overall"]) == pytest.approx(regression(GUESSES))
    assert result.validation.validation_ok
    assert failures(result) == []


# Sums.


@pytest.mark.parametrize("metric", [RegressionMetrics(names.RMSE), ForecastMetrics(names.MAE, past="p", seasonal_naive="s")])
def test_accumulators_add_up_in_any_order_and_an_empty_one_gives_nan(metric):
    shared, derived = metric.computations(example_weighted=False)
    combiner = shared.combiner
    [key] = derived.keys
    one, two = np.array([1.0, 4, 2, 1, 3, 9, 4]), np.array([3.0, 0, 1, 1, 5, 25, 6])
    sums = [combiner.merge_accumulators(order) for order in ([one, 0.0, two], [two, one], [0.0, 0.0, one, two])]
    for merged in sums:
        np.testing.assert_array_equal(merged, one + two)
    for empty in (combiner.create_accumulator(), combiner.merge_accumulators([0.0, 0.0]), combiner.merge_accumulators([])):
        assert math.isnan(derived.result(combiner.extract_output(empty))[key])
    assert math.isnan(derived.result(combiner.extract_output(np.zeros(7)))[key])
