"""A series: the values that it refuses, and the columns, features and label that it defines."""

import pytest

from data import ORIGIN, SERIES, ForecastLabel, Series, Window

YEARS = Series(
    time="year",
    value="level",
    inputs=5,
    outputs=2,
    id="place",
    past_covariates=("rain",),
    known_covariates=("plan",),
    calendar=("year", "week"),
)


def series(**changes):
    return Series(**{"time": "day", "value": "sold", "inputs": 3, "outputs": 2} | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": 0}, "inputs must be at least 1. Received: 0."),
        ({"outputs": 0}, "outputs must be at least 1. Received: 0."),
        ({"season": 0}, "season must be at least 1. Received: 0."),
        ({"stride": -1}, "stride must be at least 1. Received: -1."),
        ({"max_gap": -1}, "max_gap must not be negative. Received: -1."),
        ({"embargo": -2}, "embargo must not be negative. Received: -2."),
        ({"eval_share": 0.0}, "eval_share must lie between 0 and 1. Received: 0.0."),
        ({"eval_share": 1.0}, "eval_share must lie between 0 and 1. Received: 1.0."),
    ],
)
def test_a_number_out_of_its_range_is_refused(changes, message):
    with pytest.raises(ValueError) as error:
        series(**changes)
    assert str(error.value) == message


@pytest.mark.parametrize("step", ["", "15", "0m", "05m", "min", "1.5h", "-1D", "d"])
def test_a_step_that_is_not_a_number_and_a_unit_is_refused(step):
    with pytest.raises(ValueError) as error:
        series(step=step)
    assert str(error.value) == f"step must be a number and one of s, m, h, D, W, M, Y, like '15m'. Received: '{step}'."


@pytest.mark.parametrize(("step", "grid"), [("D", (1, "D")), ("15m", (15, "m")), ("W", (1, "W")), ("3M", (3, "M"))])
def test_a_step_is_a_number_and_a_unit(step, grid):
    assert series(step=step).grid == grid


def test_the_csv_needs_the_time_the_id_the_value_and_the_covariates():
    assert YEARS.columns == {
        "year": "string",
        "place": "string",
        "level": "float32",
        "rain": "float32",
        "plan": "float32",
    }
    assert series().columns == {"day": "string", "sold": "float32"}


def test_the_features_are_windows_of_the_past_and_of_the_known_future():
    assert YEARS.features == (
        Window("level", 5, "relative"),
        Window("rain", 5, "standard"),
        Window("plan", 7, "standard"),
        Window("year_sin", 7, "none"),
        Window("year_cos", 7, "none"),
        Window("week_sin", 7, "none"),
        Window("week_cos", 7, "none"),
    )


def test_the_label_is_the_future_of_the_value():
    assert YEARS.label == ForecastLabel("level", inputs=5, width=2)


def test_a_window_has_its_series_its_origin_and_the_naive_forecast_as_other_columns():
    assert YEARS.other_columns == {SERIES: "string", ORIGIN: "int64", "level_seasonal_naive": "float32"}


@pytest.mark.parametrize(("season", "reach"), [(1, 3), (2, 3), (3, 4), (12, 13)])
def test_a_window_reaches_back_over_its_inputs_or_a_season(season, reach):
    assert series(season=season).reach == reach
