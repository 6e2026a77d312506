"""Which spans are read, and in which version."""

import pytest
from tfx.proto import range_config_pb2

from components.csv_files import spans
from components.csv_files.errors import InputDataError
from components.csv_files.spans import Span, rolling_range

PATTERN = "span-{SPAN}/v{VERSION}/*.csv"


def rolling_from(num_spans, start):
    return range_config_pb2.RangeConfig(
        rolling_range=range_config_pb2.RollingRange(num_spans=num_spans, start_span_number=start)
    )


def static(first, last):
    return range_config_pb2.RangeConfig(
        static_range=range_config_pb2.StaticRange(start_span_number=first, end_span_number=last)
    )


@pytest.fixture
def make_files(write_file, tmp_path):
    """Returns a function that creates empty files below the input folder, and returns that folder."""

    def write(*names):
        for name in names:
            write_file(name=name)
        return tmp_path

    return write


def find(base, span_range=None, pattern=PATTERN):
    return [(s.number, s.version) for s in spans.find(str(base), pattern, span_range)]


@pytest.fixture
def four_spans(make_files):
    return make_files(
        "span-1/v1/a.csv", "span-2/v1/a.csv", "span-2/v2/a.csv", "span-3/v1/a.csv", "span-4/v9/a.csv", "span-4/v10/a.csv"
    )


def test_the_newest_span_is_read_by_default(four_spans):
    assert spans.find(str(four_spans), PATTERN) == [Span(4, 10, "span-4/v10/*.csv")]


def test_a_rolling_range_takes_the_newest_spans_each_in_its_newest_version(four_spans):
    assert find(four_spans, rolling_range(3)) == [(2, 2), (3, 1), (4, 10)]


def test_a_rolling_range_ends_at_the_first_span_and_at_its_own_start(four_spans):
    assert [n for n, _ in find(four_spans, rolling_range(100))] == [1, 2, 3, 4]
    assert [n for n, _ in find(four_spans, rolling_from(100, 3))] == [3, 4]


def test_a_static_range_takes_the_spans_in_it(four_spans):
    assert find(four_spans, static(1, 2)) == [(1, 1), (2, 2)]
    assert find(four_spans, static(3, 3)) == [(3, 1)]


def test_a_span_that_is_missing_is_skipped_and_logged(make_files, caplog):
    base = make_files("span-1/v1/a.csv", "span-4/v1/a.csv")
    with caplog.at_level("WARNING"):
        assert [n for n, _ in find(base, rolling_range(4))] == [1, 4]
    assert "no files of span 2, 3" in caplog.text


def test_a_static_range_whose_last_span_is_missing_is_refused(four_spans):
    with pytest.raises(InputDataError, match=r"in span 9, the last one of the range\. The newest spans are 1, 2, 3, 4\."):
        find(four_spans, static(3, 9))


def test_no_span_at_all_is_refused(make_files):
    base = make_files("span-x/v1/a.csv")
    with pytest.raises(InputDataError, match=r"holds no file for span-\{SPAN\}/v\{VERSION\}/\*\.csv\."):
        find(base)


def test_an_empty_range_is_refused(four_spans):
    with pytest.raises(ValueError, match="from 3 to 2"):
        find(four_spans, static(3, 2))


def test_spans_may_be_dates_or_numbers_of_a_fixed_width(make_files):
    base = make_files("2020-02-28.csv", "2020-03-01.csv", "2020-02-31.csv", "notes.csv", "s007.csv", "s08.csv")
    assert spans.find(str(base), "{YYYY}-{MM}-{DD}.csv", rolling_range(3)) == [
        Span(18320, None, "2020-02-28.csv"),
        Span(18322, None, "2020-03-01.csv"),
    ]
    assert spans.find(str(base), "s{SPAN:3}.csv") == [Span(7, None, "s007.csv")]


def test_a_folder_whose_name_has_brackets_is_searched(tmp_path):
    (tmp_path / "a[1]").mkdir()
    (tmp_path / "a[1]" / "s1.csv").touch()
    assert find(f"{tmp_path}/a[[]1]", pattern="s{SPAN}.csv") == [(1, None)]
