"""Resolves the path that a user gives: to the folder and the pattern for TFX, and to the files to read."""

from __future__ import annotations

import glob
import posixpath

from tfx.dsl.io import fileio
from tfx.proto import range_config_pb2

from components.csv_files import spans
from components.csv_files.errors import InputDataError
from components.csv_files.format import PATTERNS


def folder_and_pattern(path: str) -> tuple[str, str]:
    """Splits a path into the folder and the pattern that TFX's ExampleGens take.

    Args:
        path: a CSV file; a folder of CSV files; or, for data that comes in spans, a pattern with {SPAN}, or with {YYYY}, {MM}
            and {DD}, and perhaps with {VERSION}, such as "sales/{YYYY}-{MM}-{DD}/*.csv".

    Raises:
        InputDataError: there is no such file or folder; the folder has no CSV file, or both plain and gzipped ones (no single
            pattern matches both and nothing else); or the braces hold something else.
    """
    if "{" in path:
        return _split_span_pattern(path)
    if not fileio.exists(path):
        raise InputDataError(f"There is no file or folder {path}. `--data` takes a CSV file, or a folder of CSV files.")
    if not fileio.isdir(path):
        return glob.escape(posixpath.dirname(path)) or ".", glob.escape(posixpath.basename(path))
    matching = [pattern for pattern in PATTERNS if fileio.glob(posixpath.join(glob.escape(path), pattern))]
    if not matching:
        raise InputDataError(f"The folder {path} holds no file named *.csv or *.csv.gz.")
    if len(matching) > 1:
        raise InputDataError(f"The folder {path} holds *.csv and *.csv.gz files. Move the files of one kind to another folder.")
    return glob.escape(path), matching[0]


def _split_span_pattern(path: str) -> tuple[str, str]:
    folder = posixpath.dirname(path[: path.index("{")])
    pattern = path[len(folder) :].lstrip("/") if folder else path
    try:
        has_spans = spans.has_spans(pattern)
    except ValueError as error:
        raise InputDataError(f"{path}: {error}") from None
    if not has_spans:
        raise InputDataError(f"{path}: braces may hold SPAN, VERSION, YYYY, MM or DD; there must be {{SPAN}} or a whole date.")
    return folder or ".", pattern


def range_config(pattern: str, span: int | None, num_spans: int) -> range_config_pb2.RangeConfig | None:
    """Returns the range of spans that is read: `num_spans` of them up to `span`, or up to the newest one if it is None.

    Returns None for a pattern without spans.
    """
    if "{" not in pattern:
        return None
    if span is None:
        return spans.rolling_range(num_spans)
    static = range_config_pb2.StaticRange(start_span_number=max(0, span - num_spans + 1), end_span_number=span)
    return range_config_pb2.RangeConfig(static_range=static)


def files(path: str, span: int | None = None, num_spans: int = 1) -> list[str]:
    """Returns the files that match a path now, sorted.

    Args:
        path: see `folder_and_pattern`.
        span: the newest span to read; None takes the newest one that exists.
        num_spans: how many spans to read.

    Raises:
        InputDataError: see `folder_and_pattern` and `spans.find`; or data.span or data.spans is set, but the path has no spans.
    """
    folder, pattern = folder_and_pattern(path)
    if "{" not in path:
        if span is not None or num_spans > 1:
            raise InputDataError(
                f"{path} has no spans, but data.span or data.spans asks for some. Give a path with {{SPAN}} in it, "
                "or {YYYY}-{MM}-{DD}."
            )
        return sorted(fileio.glob(posixpath.join(folder, pattern)))
    selected_spans = spans.find(folder, pattern, range_config(pattern, span, num_spans))
    return sorted(file for s in selected_spans for file in fileio.glob(posixpath.join(folder, s.pattern)))
