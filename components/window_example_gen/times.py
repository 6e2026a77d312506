"""Reads times as seconds since 1970, and puts them on the grid of a series."""

from __future__ import annotations

import re
from datetime import datetime, timezone

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from data import Series

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

EPOCH_SECONDS = "%s"

# The years 1 to 9999: the range of Python's datetime.
_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_799
_WHOLE_SECONDS = r"^-?\d{1,12}(\.\d*)?$"
# The formats that Arrow reads, if they have the whole date ("%Y-%m" becomes the last day of the month before).
_ARROW_READS = re.compile(r"(?:%[YymdHMS]|[^%])*")
# Numbers without a separator: "%Y%m%d" can be read in one way only if every digit is there.
_PACKED = re.compile(r"%[YymdHMSj]%[YymdHMSjf]")
_DIGITS = {"%Y": r"\d{4}", "%j": r"\d{3}", "%f": r"\d+", **dict.fromkeys(("%y", "%m", "%d", "%H", "%M", "%S"), r"\d{2}")}


def seconds(texts: pa.StringArray, time_format: str) -> pa.Int64Array:
    """Reads times.

    The result is the same as with `datetime.strptime`, except that numbers without a separator must have all their digits:
    1958032 is not a date. Arrow is a hundred times faster, but it also accepts 30 February, leading blanks and more. So a
    time from Arrow is used only if formatting it gives the same text again. All others go through `datetime.strptime`.

    Args:
        texts: [rows] times, null where a cell is empty.
        time_format: as `datetime.strptime` takes it, UTC if it has no %z; or "%s" for seconds since 1970.

    Returns:
        Whole seconds since 1970, rounded down; null where a text is missing or cannot be read.
    """
    if time_format == EPOCH_SECONDS:
        return _epoch(texts)
    # Many series have the same times, so each is read once.
    encoded = texts.dictionary_encode()
    return _by_format(encoded.dictionary, time_format).take(encoded.indices)


def example(time_format: str) -> str:
    """Returns an example of a time in a format, for messages."""
    moment = datetime(2024, 12, 31, 23, 30, tzinfo=timezone.utc)
    return str(int(moment.timestamp())) if time_format == EPOCH_SECONDS else moment.strftime(time_format)


def index(moments: Ints, series: Series) -> Ints:
    """Returns the steps of the grid in which times lie, counted from 1970. `moments`: seconds since 1970."""
    multiple, unit = series.grid
    return moments.astype("datetime64[s]").astype(f"datetime64[{unit}]").astype(np.int64) // multiple


def start(steps: Ints, series: Series) -> Ints:
    """Returns the times at which steps of the grid start, in seconds since 1970."""
    multiple, unit = series.grid
    return (steps * multiple).astype(f"datetime64[{unit}]").astype("datetime64[s]").astype(np.int64)


def phase(moments: Ints, cycle: str) -> Floats:
    """Returns the part of a cycle that has passed at each time, from 0 to 1.

    A day begins at midnight, a week on Monday, a year on 1 January. A leap year is longer than other years.

    Args:
        moments: seconds since 1970, UTC.
        cycle: "year", "week" or "day".
    """
    if cycle == "day":
        return moments % 86_400 / 86_400
    if cycle == "week":
        return (moments + 3 * 86_400) % 604_800 / 604_800  # 1 January 1970 was a Thursday
    years = moments.astype("datetime64[s]").astype("datetime64[Y]")
    begin, end = ((years + n).astype("datetime64[s]").astype(np.int64) for n in (0, 1))
    return (moments - begin) / (end - begin)


def _epoch(texts: pa.StringArray) -> pa.Int64Array:
    readable = pc.if_else(pc.match_substring_regex(texts, _WHOLE_SECONDS), texts, None)
    whole = pc.floor(readable.cast(pa.float64())).cast(pa.int64())  # twelve digits are exact
    return pc.if_else(pc.and_(pc.greater_equal(whole, _EARLIEST), pc.less_equal(whole, _LATEST)), whole, None)


def _by_format(texts: pa.StringArray, time_format: str) -> pa.Int64Array:
    if _ARROW_READS.fullmatch(time_format) and re.search("%[Yy].*%m.*%d|%d.*%m.*%[Yy]|%m.*%d.*%[Yy]", time_format):
        moments = pc.strptime(texts, time_format, "s", error_is_null=True)
        is_exact = pc.fill_null(pc.equal(pc.strftime(moments, time_format), texts), False)
    else:
        moments, is_exact = pa.nulls(len(texts), pa.timestamp("s")), pa.repeat(False, len(texts))
    is_unread = is_exact.to_numpy(zero_copy_only=False) == 0
    result = moments.cast(pa.int64())
    if not is_unread.any():
        return result
    parsed = [_parse(text, time_format) for text in texts.filter(pa.array(is_unread)).to_pylist()]
    return pc.replace_with_mask(result, pa.array(is_unread), pa.array(parsed, pa.int64()))


def _parse(text: str, time_format: str) -> int | None:
    try:
        moment = datetime.strptime(text, time_format)
    except ValueError:
        return None
    if _PACKED.search(time_format) and not re.fullmatch(_all_digits(time_format), text):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return int(moment.timestamp() // 1)


def _all_digits(time_format: str) -> str:
    pieces = re.split("(%.)", time_format)
    return "".join(_DIGITS.get(p, ".*") if p.startswith("%") else re.escape(p) for p in pieces)
