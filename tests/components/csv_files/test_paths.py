"""How `--data` names its files: a file, a folder, or a pattern with spans."""

from pathlib import Path

import pytest
from tfx.proto import range_config_pb2

from components.csv_files import paths
from components.csv_files.errors import InputDataError
from tests.support.trips import HEADER, ROW


def matching_files(path) -> list[str]:
    folder, pattern = paths.folder_and_pattern(str(path))
    return sorted(p.name for p in Path(folder).glob(pattern))


def test_a_file_is_found_by_its_name(write_file, tmp_path):
    write_file(HEADER + ROW, "other.csv")
    assert paths.folder_and_pattern(write_file(HEADER + ROW)) == (str(tmp_path), "data.csv")


def test_a_file_in_the_current_folder_is_found(write_file, tmp_path, monkeypatch):
    write_file(HEADER + ROW)
    monkeypatch.chdir(tmp_path)
    assert paths.folder_and_pattern("data.csv") == (".", "data.csv")


def test_every_csv_file_of_a_folder_is_found_and_no_other(write_file, tmp_path):
    for name in ("a.csv", "b.csv", "readme.txt"):
        write_file(HEADER + ROW, name)
    assert matching_files(tmp_path) == ["a.csv", "b.csv"]


def test_gzipped_files_of_a_folder_are_found_and_no_other(write_file, tmp_path):
    for name in ("b.csv.gz", "c.csv.bak"):
        write_file(HEADER + ROW, name)
    assert matching_files(tmp_path) == ["b.csv.gz"]


def test_a_folder_with_plain_and_gzipped_files_is_refused(write_file, tmp_path):
    for name in ("a.csv", "b.csv.gz"):
        write_file(HEADER + ROW, name)
    with pytest.raises(InputDataError, match=r"\*\.csv and \*\.csv\.gz"):
        paths.folder_and_pattern(str(tmp_path))


def test_a_missing_path_is_named(tmp_path):
    with pytest.raises(InputDataError, match=r"There is no file or folder .*none\. `--data` takes a CSV file"):
        paths.folder_and_pattern(str(tmp_path / "none"))


def test_a_folder_without_csv_files_is_named(write_file, tmp_path):
    write_file("hello", "readme.txt")
    with pytest.raises(InputDataError, match=rf"The folder {tmp_path} holds no file named \*\.csv or \*\.csv\.gz\."):
        paths.folder_and_pattern(str(tmp_path))


# Spans.


def test_a_pattern_with_spans_is_split_at_its_first_placeholder():
    assert paths.folder_and_pattern("sales/{YYYY}-{MM}-{DD}/*.csv") == ("sales", "{YYYY}-{MM}-{DD}/*.csv")
    assert paths.folder_and_pattern("/data/span-{SPAN}/v{VERSION}/a.csv") == ("/data", "span-{SPAN}/v{VERSION}/a.csv")
    assert paths.folder_and_pattern("{SPAN}.csv") == (".", "{SPAN}.csv")


@pytest.mark.parametrize("path", ["in/{DAY}.csv", "in/{VERSION}.csv", "in/{YYYY}-{MM}.csv", "in/{SPAN}-{YYYY}-{MM}-{DD}.csv"])
def test_other_placeholders_are_refused(path):
    with pytest.raises(InputDataError, match=rf"^{path.replace('{', '.').replace('}', '.')}: "):
        paths.folder_and_pattern(path)


def rolling(num_spans):
    return range_config_pb2.RangeConfig(rolling_range=range_config_pb2.RollingRange(num_spans=num_spans))


def static(first, last):
    return range_config_pb2.RangeConfig(
        static_range=range_config_pb2.StaticRange(start_span_number=first, end_span_number=last)
    )


@pytest.mark.parametrize(
    ("pattern", "span", "num_spans", "span_range"),
    [
        ("*.csv", None, 1, None),
        ("{SPAN}.csv", None, 1, rolling(1)),
        ("{SPAN}.csv", None, 7, rolling(7)),
        ("{SPAN}.csv", 20, 1, static(20, 20)),
        ("{SPAN}.csv", 20, 7, static(14, 20)),
        ("{SPAN}.csv", 2, 7, static(0, 2)),
    ],
)
def test_the_range_ends_with_the_configured_span_or_the_newest(pattern, span, num_spans, span_range):
    assert paths.range_config(pattern, span, num_spans) == span_range


def test_the_files_of_the_chosen_spans_are_listed(write_file, tmp_path):
    for name in ("1/a.csv", "2/b.csv", "2/a.csv", "3/a.csv"):
        write_file(HEADER + ROW, name)

    def files(**options):
        return [str(Path(f).relative_to(tmp_path)) for f in paths.files(f"{tmp_path}/{{SPAN}}/*.csv", **options)]

    assert files() == ["3/a.csv"]
    assert files(num_spans=2) == ["2/a.csv", "2/b.csv", "3/a.csv"]
    assert files(span=2, num_spans=9) == ["1/a.csv", "2/a.csv", "2/b.csv"]


@pytest.mark.parametrize("options", [{"span": 1}, {"num_spans": 2}])
def test_span_settings_for_a_path_without_spans_are_refused(write_file, options):
    with pytest.raises(InputDataError, match=r"has no spans, but data\.span or data\.spans asks for some"):
        paths.files(write_file(HEADER + ROW), **options)
