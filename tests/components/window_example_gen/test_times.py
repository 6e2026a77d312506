"""Parsing of times, the grid of steps, and the cycles of the calendar."""

from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest

from components.window_example_gen import times
from data import Series


def read(text, time_format):
    seconds = times.seconds(pa.array([text], pa.string()), time_format)[0].as_py()
    return None if seconds is None else str(np.datetime64(seconds, "s"))


@pytest.mark.parametrize(
    ("text", "time_format", "moment"),
    [
        ("19580329", "%Y%m%d", "1958-03-29T00:00:00"),
        ("1958-03-29", "%Y-%m-%d", "1958-03-29T00:00:00"),
        ("1958-3-9", "%Y-%m-%d", "1958-03-09T00:00:00"),
        ("2020-01-02T03:04:05", "%Y-%m-%dT%H:%M:%S", "2020-01-02T03:04:05"),
        ("2020-01-02T03:04:05Z", "%Y-%m-%dT%H:%M:%SZ", "2020-01-02T03:04:05"),
        ("2020-01-02T03:04:05.75", "%Y-%m-%dT%H:%M:%S.%f", "2020-01-02T03:04:05"),
        ("1969-12-31T23:59:59.75", "%Y-%m-%dT%H:%M:%S.%f", "1969-12-31T23:59:59"),
        ("2020-01-02 03:04+01:00", "%Y-%m-%d %H:%M%z", "2020-01-02T02:04:00"),
        ("20200102T030405-0130", "%Y%m%dT%H%M%S%z", "2020-01-02T04:34:05"),
        ("01/02/69", "%d/%m/%y", "1969-02-01T00:00:00"),
        ("2020-03", "%Y-%m", "2020-03-01T00:00:00"),
        ("2020", "%Y", "2020-01-01T00:00:00"),
        ("Jan 03 2020", "%b %d %Y", "2020-01-03T00:00:00"),
        ("2020 060", "%Y %j", "2020-02-29T00:00:00"),
        ("1577934245", "%s", "2020-01-02T03:04:05"),
        ("-1", "%s", "1969-12-31T23:59:59"),
        ("-0.5", "%s", "1969-12-31T23:59:59"),
        ("1577934245.99", "%s", "2020-01-02T03:04:05"),
    ],
)
def test_a_time_is_read_in_its_format(text, time_format, moment):
    assert read(text, time_format) == moment


@pytest.mark.parametrize(
    ("text", "time_format"),
    [
        ("195803290", "%Y%m%d"),  # a digit after the date
        ("19580329 ", "%Y%m%d"),
        (" 19580329", "%Y%m%d"),
        ("1958032", "%Y%m%d"),  # the day has only one digit
        ("1958-03-29", "%Y%m%d"),
        ("19580230", "%Y%m%d"),  # Arrow alone reads 2 March
        ("1958-02-29", "%Y-%m-%d"),
        ("1958-13-01", "%Y-%m-%d"),
        ("1958-03-29x", "%Y-%m-%d"),
        ("1958-03-29T00:00", "%Y-%m-%d"),
        ("29.03.1958", "%Y-%m-%d"),
        ("2020-01-02T24:00:00", "%Y-%m-%dT%H:%M:%S"),
        ("2020-01-02T03:04:05Z", "%Y-%m-%dT%H:%M:%S"),
        ("12x", "%s"),
        ("", "%s"),
        ("1577934245000", "%s"),  # milliseconds: the year 51973
        ("999999999999", "%s"),
        ("nan", "%s"),
        ("", "%Y-%m-%d"),
        ("2020-01-02", "%Q"),
        (None, "%Y-%m-%d"),
        (None, "%s"),
    ],
)
def test_a_text_that_does_not_fit_the_format_is_null(text, time_format):
    assert read(text, time_format) is None


@pytest.mark.parametrize("time_format", ["%Y%m%d%H%M%S", "%d.%m.%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%A %d %B %Y %I:%M:%S %p"])
def test_many_times_are_read_as_python_reads_them(time_format):
    moments = [datetime(1890, 1, 1, tzinfo=timezone.utc) + timedelta(days=41.0000321 * i) for i in range(2000)]
    texts = [m.strftime(time_format) for m in moments]
    expected = [int(m.replace(microsecond=0).timestamp()) for m in moments]
    assert times.seconds(pa.array(texts), time_format).to_pylist() == expected


def series(step):
    return Series(time="t", value="v", inputs=1, outputs=1, step=step)


def seconds(text):
    return np.array([text], "datetime64[s]").astype(np.int64)


@pytest.mark.parametrize(
    ("moment", "step", "start"),
    [
        ("2020-02-03T04:44:59", "s", "2020-02-03T04:44:59"),
        ("2020-02-03T04:44:59", "15m", "2020-02-03T04:30:00"),
        ("2020-02-03T04:44:59", "h", "2020-02-03T04:00:00"),
        ("2020-02-03T04:44:59", "6h", "2020-02-03T00:00:00"),
        ("2020-02-03T04:44:59", "D", "2020-02-03T00:00:00"),
        ("2020-02-03T04:44:59", "W", "2020-01-30T00:00:00"),  # a Thursday
        ("2020-02-03T04:44:59", "M", "2020-02-01T00:00:00"),
        ("2020-02-03T04:44:59", "3M", "2020-01-01T00:00:00"),
        ("2020-02-03T04:44:59", "Y", "2020-01-01T00:00:00"),
        ("1969-12-31T23:59:59", "15m", "1969-12-31T23:45:00"),
        ("1969-12-31T23:59:59", "W", "1969-12-25T00:00:00"),
        ("1969-12-31T23:59:59", "2Y", "1968-01-01T00:00:00"),
    ],
)
def test_a_step_of_the_grid_starts_at_or_before_the_time(moment, step, start):
    steps = times.index(seconds(moment), series(step))
    assert str(times.start(steps, series(step)).astype("datetime64[s]")[0]) == start


@pytest.mark.parametrize(
    ("moment", "cycle", "phase"),
    [
        ("2020-02-03T06:00:00", "day", 0.25),
        ("1969-12-31T18:00:00", "day", 0.75),
        ("2020-02-03T00:00:00", "week", 0.0),  # a Monday
        ("2020-02-06T12:00:00", "week", 0.5),
        ("2020-01-01T00:00:00", "year", 0.0),
        ("2020-07-02T00:00:00", "year", 0.5),  # a leap year: 183 of 366 days
        ("2021-07-02T12:00:00", "year", 0.5),
        ("1969-12-31T00:00:00", "year", 364 / 365),
    ],
)
def test_the_phase_of_a_time_in_its_cycle(moment, cycle, phase):
    assert times.phase(seconds(moment), cycle)[0] == pytest.approx(phase, abs=1e-12)
