"""From a path, as a person gives it, to the files that are read."""

from __future__ import annotations

import posixpath

from tfx.dsl.io import fileio
from tfx.proto import range_config_pb2

from components.csv_files import reader
from components.csv_files import spans as driver
from components.csv_files.reader import InputDataError


def locate(path: str) -> tuple[str, str]:
    """Returns (folder, pattern) of a path, as TFX's ExampleGens take them.

    Args:
        path: a CSV file; a folder of CSV files; or, for data that comes in spans, a pattern with {SPAN}, or {YYYY}, {MM} and
            {DD}, and perhaps {VERSION} in it, like "sales/{YYYY}-{MM}-{DD}/*.csv".

    Raises:
        InputDataError: as `logic.find`; or the braces hold something else.
    """
    if "{" not in path:
        return reader.find(path)
    fixed = path[: path.index("{")]
    folder = posixpath.dirname(fixed)
    pattern = path[len(folder) :].lstrip("/") if folder else path
    try:
        spans = driver.has_spans(pattern)
    except ValueError as error:
        raise InputDataError(f"{path}: {error}") from None
    if not spans:
        raise InputDataError(f"{path}: braces may hold SPAN, VERSION, YYYY, MM or DD; there must be {{SPAN}} or a whole date.")
    return folder or ".", pattern


def wanted(pattern: str, span: int | None, spans: int) -> range_config_pb2.RangeConfig | None:
    """Returns which spans of a pattern are read: `spans` of them, up to `span`, or up to the newest; None if it has none."""
    if "{" not in pattern:
        return None
    if span is None:
        return range_config_pb2.RangeConfig(rolling_range=range_config_pb2.RollingRange(num_spans=spans))
    static = range_config_pb2.StaticRange(start_span_number=max(0, span - spans + 1), end_span_number=span)
    return range_config_pb2.RangeConfig(static_range=static)


def files(path: str, span: int | None = None, spans: int = 1) -> list[str]:
    """Returns the files that stand behind a path now.

    Raises:
        InputDataError: as `locate` and `driver.find`; or a span is asked for where the path has none.
    """
    folder, pattern = locate(path)
    if "{" not in path:
        if span is not None or spans > 1:
            raise InputDataError(
                f"{path} has no spans, but data.span or data.spans asks for some. Give a path with {{SPAN}} in it, "
                "or {YYYY}-{MM}-{DD}."
            )
        return sorted(fileio.glob(posixpath.join(folder, pattern)))
    found = driver.find(folder, pattern, wanted(pattern, span, spans))
    return sorted(file for one in found for file in fileio.glob(posixpath.join(folder, one.pattern)))
