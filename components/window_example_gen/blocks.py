"""Divides the rows of all series into blocks of one series each, small enough to hold one in the memory of a worker.

A block is a fixed number of consecutive steps of one series. A window belongs to the block that contains its origin, so each
window is made once. A row goes to each block with a window that may read it, so windows at the border of a block are complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from components.window_example_gen import windows
from components.window_example_gen.times import Floats, Ints
from components.window_example_gen.windows import Stretch
from data import Series

# (id of a series, number of a block): the key by which Beam groups.
Key = tuple[str, int]
# First and last step with a value; NOWHERE if no step has one.
Extent = tuple[int, int]
NOWHERE: Extent = (1 << 62, -(1 << 62))

_MIN_BLOCK_STEPS = 4096


@dataclass(frozen=True)
class Rows:
    """Rows of one or more series, in any order.

    Attributes:
        names: ids of the series; `[""]` if the data has no ids.
        codes: [rows] index in `names` of the id of each row.
        steps: [rows] step of each row, as its number on the grid.
        values: [rows, columns] float64, as `windows.columns` names them; NaN for a missing value.
    """

    names: Sequence[str]
    codes: Ints
    steps: Ints
    values: Floats

    @property
    def missing_value(self) -> int:
        """Number of rows in which the value to forecast is missing."""
        return int(np.isnan(self.values[:, 0]).sum())


def block_steps(series: Series) -> int:
    """Returns the number of steps of a block. It is large enough that few rows belong to several blocks."""
    return max(_MIN_BLOCK_STEPS, 4 * sum(windows.margins(series)))


def divide(rows: Rows, series: Series, size: int) -> Iterator[tuple[Key, bytes]]:
    """Sums up the rows of each step of each series, and assigns the sums to the blocks that need them.

    Args:
        rows: rows of any series, in any order.
        series: the declaration.
        size: steps of a block.

    Yields:
        The key of a block and a part of it, as bytes: for each step its number, the sum of each column, and the number of
        observations of each column, all float64.
    """
    if not len(rows.steps):
        return
    order = np.lexsort((rows.steps, rows.codes))
    codes, steps, values = rows.codes[order], rows.steps[order], rows.values[order]
    begins, _ = _runs(codes, steps)
    codes, steps = codes[begins], steps[begins]
    sums, counts = (np.add.reduceat(v, begins) for v in (np.nan_to_num(values), np.isfinite(values).astype(np.float64)))
    table = np.hstack([steps[:, np.newaxis].astype(np.float64), sums, counts])

    before, after = windows.margins(series)
    first, last = (steps - after) // size, (steps + before) // size
    block_counts = last - first + 1
    copies = np.repeat(np.arange(len(steps)), block_counts)
    numbers = first[copies] + np.arange(len(copies)) - (block_counts.cumsum() - block_counts)[copies]
    order = np.lexsort((numbers, codes[copies]))
    copies, numbers = copies[order], numbers[order]
    for begin, end in zip(*_runs(codes[copies], numbers), strict=True):
        yield (rows.names[codes[copies[begin]]], int(numbers[begin])), table[copies[begin:end]].tobytes()


def extent(part: bytes, series: Series) -> Extent:
    """Returns the first and the last step with a value in a part of a block."""
    table = _table(part, series)
    steps = table[table[:, 1 + len(windows.columns(series))] > 0, 0]
    return (int(steps.min()), int(steps.max())) if len(steps) else NOWHERE


def union(extents: Iterable[Extent]) -> Extent:
    """Returns the smallest extent that covers all extents; NOWHERE without any."""
    first, last = NOWHERE
    for begin, end in extents:
        first, last = min(first, begin), max(last, end)
    return first, last


def stretch(key: Key, parts: Iterable[bytes], series: Series, size: int) -> Stretch:
    """Assembles a block from its parts, in any order. Several observations of the same step are averaged."""
    before, after = windows.margins(series)
    begin = key[1] * size
    width = len(windows.columns(series))
    sums = np.zeros((before + size + after, 2 * width))
    for part in parts:
        table = _table(part, series)
        sums[table[:, 0].astype(np.int64) - (begin - before)] += table[:, 1:]
    counts = sums[:, width:]
    values = np.where(counts > 0, sums[:, :width] / np.maximum(counts, 1), np.nan)
    # Only observed steps can be origins, and a short series fills only a small part of a block: remove the rest.
    observed = np.flatnonzero(counts[before : before + size, 0])
    first, last = (int(observed[0]), int(observed[-1]) + 1) if len(observed) else (0, 0)
    return Stretch(begin + first - before, values[first : last + before + after], (begin + first, begin + last))


def extents(rows: Rows) -> Iterator[tuple[str, Extent]]:
    """Yields each series that has a value, and its extent."""
    observed = np.isfinite(rows.values[:, 0])
    codes, steps = rows.codes[observed], rows.steps[observed]
    order = np.lexsort((steps, codes))
    codes, steps = codes[order], steps[order]
    for begin, end in zip(*_runs(codes), strict=True):
        yield rows.names[codes[begin]], (int(steps[begin]), int(steps[end - 1]))


def _runs(*sorted_columns: Ints) -> tuple[Ints, Ints]:
    """Returns the first index, and the index after the last one, of every run of equal rows in sorted columns."""
    changes = np.any([np.diff(c) != 0 for c in sorted_columns], axis=0)
    length = len(sorted_columns[0])
    bounds = np.concatenate([[0], np.flatnonzero(changes) + 1, [length]]) if length else np.zeros(1, np.int64)
    return bounds[:-1], bounds[1:]


def _table(part: bytes, series: Series) -> Floats:
    return np.frombuffer(part).reshape(-1, 1 + 2 * len(windows.columns(series)))
