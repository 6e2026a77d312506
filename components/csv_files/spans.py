"""Finds the spans in a range, each in its newest version. A span is a delivery of data, of one day or with a number."""

from __future__ import annotations

import fnmatch
import posixpath
import re
from dataclasses import dataclass

from absl import logging
from tfx.components.example_gen import utils
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2, range_config_pb2

from components.csv_files.errors import InputDataError

# The placeholders of a pattern, as TFX spells them: {SPAN}, {SPAN:4} (four digits), {VERSION}, {VERSION:2}, {YYYY}, {MM}, {DD}.
_PLACEHOLDER = re.compile(r"\{(SPAN|VERSION|YYYY|MM|DD)(?::(\d+))?\}")
_DATE_DIGITS = {"YYYY": "4", "MM": "2", "DD": "2"}
_LISTED_SPANS = 5  # number of spans that a message lists


@dataclass(frozen=True)
class Span:
    """One delivery of data, in its newest version.

    Attributes:
        number: number of the span; for a date, the number of days since 1970.
        version: its newest version; None if the pattern has no {VERSION}.
        pattern: pattern of its files in the input folder.
    """

    number: int
    version: int | None
    pattern: str


def has_spans(pattern: str) -> bool:
    """Returns whether a pattern of files has {SPAN} or a date. Raises ValueError if TFX refuses its placeholders."""
    return any(utils.verify_split_pattern_specs(example_gen_pb2.Input.Split(name="all", pattern=pattern))[:2])


def rolling_range(num_spans: int) -> range_config_pb2.RangeConfig:
    """Returns the range of the newest `num_spans` span numbers."""
    return range_config_pb2.RangeConfig(rolling_range=range_config_pb2.RollingRange(num_spans=num_spans))


def find(base: str, pattern: str, span_range: range_config_pb2.RangeConfig | None = None) -> list[Span]:
    """Finds the spans to read.

    Args:
        base: the input folder.
        pattern: pattern of files in it, with {SPAN} or a date, and perhaps with {VERSION}.
        span_range: a rolling range of the newest `num_spans` numbers, or a static range. By default the newest span.

    Returns:
        The spans of the range that exist, oldest first. A rolling range may begin before the first span. A range may have
        gaps, because a day without data has no files; they are logged.

    Raises:
        InputDataError: there is no span at all, or the last span of a static range does not exist.
        ValueError: the range is empty.
    """
    newest = _newest_versions(base, pattern)
    problem = f"The input folder {base} holds no file for {pattern}"
    if not newest:
        raise InputDataError(f"{problem}. Each placeholder in braces stands for a number. Give a pattern that the files match.")
    first, last = _bounds(span_range or rolling_range(1), max(newest))
    if last not in newest:
        numbers = ", ".join(map(str, sorted(newest)[-_LISTED_SPANS:]))
        raise InputDataError(f"{problem} in span {last}, the last one of the range. The newest spans are {numbers}.")
    missing = [n for n in range(max(first, min(newest)), last) if n not in newest]
    if missing:
        numbers = ", ".join(map(str, missing))
        logging.warning("There are no files of span %s: spans %s to %s are read without them.", numbers, first, last)
    return [newest[n] for n in range(first, last + 1) if n in newest]


def _bounds(span_range: range_config_pb2.RangeConfig, newest: int) -> tuple[int, int]:
    """Returns the first and the last span number of a range. Raises ValueError if the range is empty."""
    if span_range.HasField("static_range"):
        first, last = span_range.static_range.start_span_number, span_range.static_range.end_span_number
    else:
        rolling = span_range.rolling_range
        first, last = max(newest - rolling.num_spans + 1, rolling.start_span_number), newest
    if first > last:
        raise ValueError(f"The range of spans must not be empty. Received: from {first} to {last}.")
    return first, last


def _newest_versions(base: str, pattern: str) -> dict[int, Span]:
    """Returns number -> span, for every span that has files."""
    path_pattern = posixpath.join(base, pattern)
    path_regex = re.compile(_regex(path_pattern))
    newest: dict[int, Span] = {}
    for path in sorted(fileio.glob(_PLACEHOLDER.sub("*", path_pattern))):
        match = path_regex.match(path)
        number = _number(match.groupdict()) if match else None
        if match is None or number is None:
            continue
        version = int(match["VERSION"]) if "VERSION" in match.groupdict() else None
        if number not in newest or (version or 0) > (newest[number].version or 0):
            newest[number] = Span(number, version, _fill(pattern, match))
    return newest


def _regex(path_pattern: str) -> str:
    """Translates a glob with placeholders into a regular expression with a group for each placeholder."""
    # Letters mean themselves in a glob and in a regular expression. So words stand in for the placeholders while the glob is
    # translated.
    regex = fnmatch.translate(_PLACEHOLDER.sub(lambda m: f"spec{m[1]}spec", path_pattern))
    for match in _PLACEHOLDER.finditer(path_pattern):
        digits = match[2] or _DATE_DIGITS.get(match[1], "1,")
        regex = regex.replace(f"spec{match[1]}spec", rf"(?P<{match[1]}>\d{{{digits}}})")
    return regex


def _fill(pattern: str, match: re.Match[str]) -> str:
    """Replaces the placeholders of a pattern by the numbers in the path of a file, written as they are there."""
    return _PLACEHOLDER.sub(lambda placeholder: match[placeholder[1]], pattern)


def _number(groups: dict[str, str]) -> int | None:
    """Returns the number of a span; None for a date that does not exist."""
    if "SPAN" in groups:
        return int(groups["SPAN"])
    try:
        return utils.date_to_span_number(int(groups["YYYY"]), int(groups["MM"]), int(groups["DD"]))
    except ValueError:
        return None
