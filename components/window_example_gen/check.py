"""Checks, before any work is done, that the files of a series are readable and give at least one window in each split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from components.csv_files import reader
from components.csv_files.errors import InputDataError
from components.window_example_gen import blocks, logic, times
from components.window_example_gen.blocks import Extent
from components.window_example_gen.windows import StepRange
from data import TRAIN_SPLIT, Dataset, Series


def check_files(
    path: str, files: Iterable[str], dataset: Dataset, max_bytes: int, *, block_bytes: int = reader.BLOCK_BYTES
) -> None:
    """Reads the files of one input only to check them.

    Args:
        path: the input as the user gave it, for messages.
        files: its files.
        dataset: declares the series.
        max_bytes: number of bytes to check in each file. WindowExampleGen checks the rest, with the same messages.
        block_bytes: see `logic.read`.

    Raises:
        InputDataError: as `logic.read`; or the files have no row or no value; or every file was read to its end, and no series
            is long enough for a single window in one of the splits. (Gaps are not checked here.)
    """
    series = logic.series_of(dataset)
    extents: dict[str, Extent] = {}
    row_count, read_whole = 0, True
    for file in files:
        bytes_read = 0
        for rows in logic.read(file, dataset, block_bytes=block_bytes):
            if bytes_read >= max_bytes:
                read_whole = False
                break
            bytes_read += block_bytes
            row_count += len(rows.steps)
            for name, extent in blocks.extents(rows):
                extents[name] = blocks.union([extents.get(name, blocks.NOWHERE), extent])
    if not row_count:
        raise InputDataError(f"{path} has a header but no rows.")
    if read_whole and not extents:
        raise InputDataError(f"{path}, column '{series.value}': it has no value.")
    if read_whole:
        _check_lengths(path, list(extents.values()), series)


def _check_lengths(path: str, extents: Sequence[Extent], series: Series) -> None:
    """Raises InputDataError if a split has no window."""
    time_range = blocks.union(extents)
    for name, split in StepRange.of_splits(*time_range, series).items():
        extents_in_split = [(max(first, split.first), min(last, split.last)) for first, last in extents]
        if any(_has_origin(int(first), int(last), series) for first, last in extents_in_split if first <= last):
            continue
        longest = int(max(0, *(last - first + 1 for first, last in extents_in_split)))
        raise InputDataError(_too_short(path, name, time_range, longest, series))


def _has_origin(first: int, last: int, series: Series) -> bool:
    """Returns whether a window whose origin lies on the stride fits into the steps from `first` to `last`."""
    latest = (last - series.outputs) // series.stride * series.stride
    return latest >= first + series.reach - 1


def _too_short(path: str, split: str, time_range: Extent, longest: int, series: Series) -> str:
    required = f"{series.reach + series.outputs} steps of '{series.step}' in a row"
    stride = f", {series.stride - 1} more for a stride of {series.stride}" if series.stride > 1 else ""
    share = "smaller" if split == TRAIN_SPLIT else "larger"
    first, last = time_range
    return (
        f"{path}: too short for a single window in the '{split}' split. A window needs {required}: {series.reach} up to its "
        f"origin (inputs={series.inputs}, season={series.season}) and {series.outputs} after it (outputs){stride}. "
        f"The data has {last - first + 1}, from {_date(first, series)} to {_date(last, series)}; the longest "
        f"series has {longest} in that split (eval_share={series.eval_share:g}, embargo={series.embargo}). "
        f"Take fewer inputs or outputs, a shorter season, a {share} eval_share, or more data."
    )


def _date(step: int, series: Series) -> str:
    text = np.datetime_as_string(times.start(np.array([step]), series).astype("datetime64[s]"))[0]
    return str(text).removesuffix("T00:00:00")
