"""The windows that are cut from rows of a time series."""

import dataclasses
import math

import pytest

from components.window_example_gen import logic, windows
from tests.support.windows import EVER, SMALL, cut, dataset_of, day, origins


@pytest.fixture
def cut_text(write_file):
    """Returns a function: (text of a CSV file, series) -> result of `cut`."""

    def run(text, series, time_range=None):
        return cut(logic.read(write_file(text), dataset_of(series)), series, 4096, time_range)

    return run


@pytest.fixture
def windows_of(cut_text):
    """Returns a function: (rows of a CSV file as (day of January 2020, cells), series) -> windows of both splits."""

    def run(rows, series=SMALL):
        lines = [",".join(series.columns)] + [f"2020-01-{day:02},{cells}" for day, cells in rows]
        by_split, _ = cut_text("\n".join(lines) + "\n", series, EVER)
        return by_split["train"]

    return run


# The content of a window.


def test_a_window_holds_a_past_a_future_and_a_naive_forecast(windows_of):
    (window,) = windows_of([(1, 10), (2, 11), (3, 13)])
    assert window == {
        "series": [b""],
        "origin": [1577923200],
        "sold": [10.0, 11.0],
        "sold_future": [13.0],
        "sold_seasonal_naive": [12.0],
    }


def test_every_step_with_a_past_and_a_future_is_an_origin(windows_of):
    assert origins(windows_of([(d, d) for d in range(1, 11)])) == [2, 3, 4, 5, 6, 7, 8, 9]


def test_windows_have_the_columns_and_lengths_of_the_dataset(windows_of):
    series = dataclasses.replace(
        SMALL, past_covariates=("rain",), known_covariates=("holiday",), calendar=("week", "year"), id="shop"
    )
    rows = [(d, f"A,{d},{d / 2},{d % 2}") for d in range(1, 11)]
    dataset = dataset_of(series)
    for window in windows_of(rows, series):
        assert set(window) == set(dataset.types)
        for feature in dataset.features:
            assert len(window[feature.name]) == feature.length
        assert len(window[dataset.label.name]) == dataset.label.width


def test_rows_may_be_in_any_order(windows_of):
    assert windows_of([(3, 13), (1, 10), (2, 11)]) == windows_of([(1, 10), (2, 11), (3, 13)])


def test_values_of_the_same_step_are_averaged(windows_of):
    (window,) = windows_of([(1, 10), (2, 11), (2, ""), (2, 12), (3, 1), (3, 2), (3, 9)])
    assert window["sold"] == [10.0, 11.5]
    assert window["sold_future"] == [4.0]


def test_a_window_has_the_values_of_one_series(cut_text):
    text = "day,shop,sold\n" + "".join(f"2020-01-0{d},{s},{d * 10**n}\n" for d in (1, 2, 3) for n, s in enumerate("BÄ"))
    by_split, _ = cut_text(text, dataclasses.replace(SMALL, id="shop"), EVER)
    assert [(w["series"], w["sold"]) for w in by_split["train"]] == [([b"B"], [1.0, 2.0]), (["Ä".encode()], [10.0, 20.0])]


def test_past_columns_end_at_the_origin_and_known_columns_at_the_end_of_the_window(windows_of):
    series = dataclasses.replace(SMALL, past_covariates=("rain",), known_covariates=("holiday",))
    (window,) = windows_of([(1, "10,0.1,0"), (2, "11,0.2,1"), (3, "13,0.3,5")], series)
    assert window["rain"] == pytest.approx([0.1, 0.2])
    assert window["holiday"] == [0.0, 1.0, 5.0]


def test_a_known_column_may_be_longer_than_the_value(windows_of):
    series = dataclasses.replace(SMALL, known_covariates=("holiday",))
    rows = [(1, "10,0"), (2, "11,1"), (3, "13,5"), *((d, ",1") for d in range(4, 30))]
    assert origins(windows_of(rows, series)) == [2]


def test_the_calendar_is_computed_at_the_start_of_each_step(windows_of):
    series = dataclasses.replace(SMALL, calendar=("week",))
    window = windows_of([(d, d) for d in range(1, 9)], series)[0]
    angles = [2 * math.pi * n / 7 for n in (2, 3, 4)]  # 1 January 2020 was a Wednesday
    assert window["week_sin"] == pytest.approx([math.sin(a) for a in angles], abs=1e-6)
    assert window["week_cos"] == pytest.approx([math.cos(a) for a in angles], abs=1e-6)


def test_the_origin_is_the_start_of_its_step(cut_text):
    text = "day,sold\n2020-01-01T01:20:00,1\n2020-01-01T01:40:00,2\n2020-01-01T01:59:59,3\n"
    by_split, _ = cut_text(text, dataclasses.replace(SMALL, step="15m", time_format="%Y-%m-%dT%H:%M:%S"), EVER)
    assert [w["origin"] for w in by_split["train"]] == [[1577842200]]  # 01:30


def test_a_stride_selects_origins_by_their_position_on_the_grid(windows_of):
    series = dataclasses.replace(SMALL, stride=3)
    # The number of days since 1970 must be divisible by 3: 3 January is day 18264.
    assert origins(windows_of([(d, d) for d in range(1, 15)], series)) == [3, 6, 9, 12]
    assert origins(windows_of([(d, d) for d in range(2, 15)], series)) == [3, 6, 9, 12]


# The naive forecast.


def test_the_naive_forecast_is_the_last_season_plus_the_change_since_then(windows_of):
    series = dataclasses.replace(SMALL, season=3, outputs=2)
    values = [1, 5, 9, 4, 0, 0]  # the change is from 1 to 4
    (window,) = windows_of(list(enumerate(values, start=1)), series)
    assert window["sold_seasonal_naive"] == [5.0 + 3.0, 9.0 + 3.0]


def test_the_naive_forecast_continues_over_several_seasons(windows_of):
    series = dataclasses.replace(SMALL, season=2, outputs=5)
    values = [1, 10, 4, *[0] * 5]
    (window,) = windows_of(list(enumerate(values, start=1)), series)
    assert window["sold_seasonal_naive"] == [13.0, 7.0, 16.0, 10.0, 19.0]


def test_a_window_needs_the_season_that_its_naive_forecast_reads(windows_of):
    assert origins(windows_of([(d, d) for d in range(1, 11)], dataclasses.replace(SMALL, season=5))) == [6, 7, 8, 9]


# Missing values.


def test_the_origin_and_the_future_must_be_observed(windows_of):
    series = dataclasses.replace(SMALL, max_gap=5)
    # Day 5 has no value, so it is neither an origin nor a target.
    assert origins(windows_of([(d, d if d != 5 else "") for d in range(1, 11)], series)) == [2, 3, 6, 7, 8, 9]


def test_a_gap_is_interpolated(windows_of):
    series = dataclasses.replace(SMALL, inputs=4, max_gap=2)
    (window,) = windows_of([(1, 10), (4, 16), (5, 0)], series)
    assert window["sold"] == [10.0, 12.0, 14.0, 16.0]


def test_a_window_with_too_long_a_gap_is_left_out(windows_of):
    series = dataclasses.replace(SMALL, inputs=4, max_gap=1)
    assert windows_of([(1, 10), (4, 16), (5, 0)], series) == []


def test_a_gap_at_the_start_of_a_window_is_interpolated_from_earlier_steps(windows_of):
    series = dataclasses.replace(SMALL, inputs=2, max_gap=2)
    (window,) = windows_of([(1, 10), (4, 16), (5, 0)], series)
    assert window["sold"] == [14.0, 16.0]


def test_a_window_that_starts_with_a_gap_and_has_no_earlier_value_is_left_out(windows_of):
    assert windows_of([(4, 16), (5, 0)], dataclasses.replace(SMALL, max_gap=2)) == []


@pytest.mark.parametrize("cell", ["", "inf", "-inf", "nan", "1e60"])
def test_a_cell_that_is_not_a_finite_float_is_a_missing_value(windows_of, cell):
    (window,) = windows_of([(1, 10), (2, cell), (3, 16), (4, 0)], dataclasses.replace(SMALL, max_gap=1))
    assert window["sold"] == [13.0, 16.0]


def test_a_past_column_that_is_missing_at_the_origin_keeps_its_last_observation(windows_of):
    series = dataclasses.replace(SMALL, past_covariates=("rain",), inputs=3, max_gap=2)
    rows = [(1, "1,4"), (2, "2,5"), (3, "3,"), (4, "4,"), (5, "5,8"), (6, "6,9")]
    rain_by_day = {day(w["origin"]): w["rain"] for w in windows_of(rows, series)}
    assert rain_by_day == {3: [4.0, 5.0, 5.0], 4: [5.0, 5.0, 5.0], 5: [6.0, 7.0, 8.0]}


def test_a_window_whose_past_column_is_missing_for_too_long_is_left_out(windows_of):
    series = dataclasses.replace(SMALL, past_covariates=("rain",), inputs=3, max_gap=1)
    rows = [(1, "1,4"), (2, "2,5"), (3, "3,"), (4, "4,"), (5, "5,8"), (6, "6,9")]
    assert origins(windows_of(rows, series)) == [3]


def test_a_known_column_is_interpolated_with_steps_after_the_window(windows_of):
    series = dataclasses.replace(SMALL, known_covariates=("holiday",), max_gap=2)
    (window,) = windows_of([(1, "1,0"), (2, "2,1"), (3, "3,"), (4, ",3")], series)
    assert window["holiday"] == [0.0, 1.0, 2.0]


def test_a_window_whose_known_column_has_no_future_value_is_left_out(windows_of):
    series = dataclasses.replace(SMALL, known_covariates=("holiday",), max_gap=2)
    assert windows_of([(1, "1,0"), (2, "2,1"), (3, "3,")], series) == []


# Splits.


def test_the_evaluation_split_is_the_end_of_the_time_range(cut_text):
    text = "day,sold\n" + "".join(f"2020-01-{d:02},{d}\n" for d in range(1, 21))
    by_split, counts = cut_text(text, dataclasses.replace(SMALL, eval_share=0.3))
    # Evaluation begins on the 15th. Windows with origin 14 or 15 would have days of both splits.
    assert (origins(by_split["train"]), origins(by_split["eval"])) == ([*range(2, 14)], [16, 17, 18, 19])
    assert counts == {"windows_made": 16, "windows_dropped_gap": 1, "windows_dropped_target": 1, "windows_dropped_split": 2}


def test_an_embargo_separates_the_splits(cut_text):
    text = "day,sold\n" + "".join(f"2020-01-{d:02},{d}\n" for d in range(1, 21))
    by_split, _ = cut_text(text, dataclasses.replace(SMALL, eval_share=0.3, embargo=2))
    assert (origins(by_split["train"]), origins(by_split["eval"])) == ([*range(2, 14)], [18, 19])


def test_all_series_are_split_at_the_same_time(cut_text):
    days = {"long": range(1, 21), "short": range(11, 18)}
    text = "shop,day,sold\n" + "".join(f"{s},2020-01-{d:02},{d}\n" for s in days for d in days[s])
    by_split, _ = cut_text(text, dataclasses.replace(SMALL, eval_share=0.3, id="shop"))
    assert origins(w for w in by_split["train"] if w["series"] == [b"short"]) == [12, 13]
    assert origins(w for w in by_split["eval"] if w["series"] == [b"short"]) == [16]


def test_a_window_with_a_gap_interpolated_from_the_other_split_is_dropped(cut_text):
    series = dataclasses.replace(SMALL, eval_share=0.3, max_gap=3)
    text = "day,sold\n" + "".join(f"2020-01-{d:02},{d}\n" for d in range(1, 21) if d != 15)
    by_split, counts = cut_text(text, series)
    # The window with origin 16 begins on the 15th. Its value would come from the 14th, a day of the training split.
    assert (origins(by_split["train"]), origins(by_split["eval"])) == ([*range(2, 14)], [17, 18, 19])
    assert counts["windows_dropped_split"] == 1


def test_a_window_with_a_known_column_interpolated_from_the_other_split_is_dropped(cut_text):
    series = dataclasses.replace(SMALL, eval_share=0.3, known_covariates=("holiday",), max_gap=1)
    text = "day,sold,holiday\n" + "".join(f"2020-01-{d:02},{d},{'' if d == 14 else d}\n" for d in range(1, 21))
    by_split, _ = cut_text(text, series)
    # The window with origin 13 ends on the 14th. Its holiday would come from the 15th.
    assert (origins(by_split["train"]), origins(by_split["eval"])) == ([*range(2, 13)], [16, 17, 18, 19])


def test_the_share_of_the_evaluation_is_rounded_down():
    series = dataclasses.replace(SMALL, eval_share=0.7)
    assert windows.cutoff(0, 9, series) == 3
    assert windows.cutoff(-5, 5, series) == -1


def test_each_origin_counts_once_as_made_or_by_its_reason_to_drop(cut_text):
    series = dataclasses.replace(SMALL, max_gap=1)
    text = "day,sold\n" + "".join(f"2020-01-{d:02},{d if d not in (4, 8, 9) else ''}\n" for d in range(1, 13))
    _, counts = cut_text(text, series, EVER)
    # Origins 3, 7 and 12 have no target. Dropped for a gap: 1, which has no past, and 10, after a gap of two.
    assert counts == {"windows_dropped_target": 3, "windows_dropped_gap": 2, "windows_dropped_split": 0, "windows_made": 4}
