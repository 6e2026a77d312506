"""Files of time series: the error for each mistake names the place and the fix."""

import dataclasses

import pytest

from components.csv_files.errors import InputDataError
from components.window_example_gen import logic
from tests.support.windows import SMALL, dataset_of

SHOPS = dataclasses.replace(SMALL, id="shop")


def refusal(path, series=SHOPS, **options):
    with pytest.raises(InputDataError) as error:
        list(logic.read(path, dataset_of(series), **options))
    assert str(error.value).startswith(path)
    return str(error.value).removeprefix(path)


@pytest.mark.parametrize("cell", ["2020-02-30", "2020-1-1x", "yesterday", "20200101"])
def test_an_unreadable_time_is_named_with_row_and_column(write_file, cell):
    assert refusal(write_file(f"day,shop,sold\n2020-01-01,A,1\n{cell},A,2\n")) == (
        f", row 3, column 'day': '{cell}' is not a time in the format '%Y-%m-%d', such as 2024-12-31. "
        "Correct it, or the `time_format` of the dataset's series."
    )


def test_a_missing_time_is_named(write_file):
    assert refusal(write_file("day,shop,sold\n,A,1\n")) == (
        ", row 2, column 'day': the time is missing. Fill it in, or leave the row out."
    )


def test_a_missing_id_is_named(write_file):
    assert refusal(write_file("day,shop,sold\n2020-01-01,A,1\n2020-01-01,,1\n")) == (
        ", row 3, column 'shop': the id of the series is missing. Fill it in, or leave the row out."
    )


def test_milliseconds_are_recognised(write_file):
    series = dataclasses.replace(SMALL, time_format="%s")
    assert refusal(write_file("day,sold\n1577934245000,1\n"), series) == (
        ", row 2, column 'day': '1577934245000' is not a time in the format '%s', such as 1735687800. Are these milliseconds? "
        "Divide them by 1000. Correct it, or the `time_format` of the dataset's series."
    )


def test_an_unreadable_number_is_named_with_row_and_column(write_file):
    assert refusal(write_file("day,shop,sold\n2020-01-01,A,many\n")).startswith(
        ", row 2, column 'sold': 'many' is not a number."
    )


def test_a_missing_column_is_named(write_file):
    assert refusal(write_file("date,shop,sold\n")).startswith(", row 1: the column 'day' is missing.")


def test_the_row_counts_blank_lines_quoted_newlines_and_blocks(write_file):
    path = write_file("day,shop,sold\n\n" + '2020-01-01,"A\nB",1\n' * 100 + "never,A,1\n")
    assert refusal(path, block_bytes=256).startswith(", row 103, column 'day': 'never'")


def test_a_long_cell_is_shortened_in_the_error(write_file):
    assert f"'{'x' * 40}' is not a time" in refusal(write_file(f"day,shop,sold\n{'x' * 500},A,1\n"))


def test_a_dataset_without_a_series_is_refused():
    with pytest.raises(ValueError, match="WindowExampleGen needs a dataset with a `series`"):
        logic.series_of(dataclasses.make_dataclass("D", ["series", "name"])(None, "taxi"))
