"""Rows of any series -> blocks of one series each, small enough for any memory.

A block is a fixed number of consecutive steps of one series. Its windows are those whose origin lies in it, so that every
window is made once; a row goes to every block that has a window which may read it, so that windows at a border are whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from components.window_example_gen import windows
from components.window_example_gen.times import Floats, Ints
from components.window_example_gen.windows import Stretch
from data import Series

# (id of a series, number of a block): Beam groups by it.
Key = tuple[str, int]
# First and last step with a value; NOWHERE if there is none.
Extent = tuple[int, int]
NOWHERE: Extent = (1 << 62, -(1 << 62))

_LEAST_BLOCK_STEPS = 4096


@dataclass(frozen=True)
class Rows:
    """Rows of one or more series, in any order.

    Attributes:
        names: ids of the series, `[""]` if the data has none.
        codes: [rows], place of each row's id in `names`.
        steps: [rows], place of each row on the grid.
        values: [rows, columns] float64, as `windows.columns` names them; NaN where there is none.
    """

    names: Sequence[str]
    codes: Ints
    steps: Ints
    values: Floats

    @property
    def missing_value(self) -> int:
        """Rows without the value that is forecast."""
        return int(np.isnan(self.values[:, 0]).sum())


def block_steps(series: Series) -> int:
    """Returns the steps of a block: enough that few rows belong to several blocks, and always the same."""
    return max(_LEAST_BLOCK_STEPS, 4 * sum(windows.margins(series)))


def divide(rows: Rows, series: Series, size: int) -> Iterator[tuple[Key, bytes]]:
    """Adds up the rows that fall into the same step of the same series, and sends the sums to the blocks that need them.

    Args:
        rows: any.
        series: the declaration.
        size: steps of a block.

    Yields:
        The block, and what it gets, as one run of bytes: for each step its place, the sum of each column, and the number of
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
    many = last - first + 1
    copies = np.repeat(np.arange(len(steps)), many)
    numbers = first[copies] + np.arange(len(copies)) - (many.cumsum() - many)[copies]
    order = np.lexsort((numbers, codes[copies]))
    copies, numbers = copies[order], numbers[order]
    for begin, end in zip(*_runs(codes[copies], numbers), strict=True):
        yield (rows.names[codes[copies[begin]]], int(numbers[begin])), table[copies[begin:end]].tobytes()


def extent(part: bytes, series: Series) -> Extent:
    """Returns the first and the last step with a value in what a block gets."""
    table = _table(part, series)
    steps = table[table[:, 1 + len(windows.columns(series))] > 0, 0]
    return (int(steps.min()), int(steps.max())) if len(steps) else NOWHERE


def union(extents: Iterable[Extent]) -> Extent:
    """Returns the extent that holds all of them."""
    first, last = NOWHERE
    for other in extents:
        first, last = min(first, other[0]), max(last, other[1])
    return first, last


def stretch(key: Key, parts: Iterable[bytes], series: Series, size: int) -> Stretch:
    """Puts a block together from its parts, in any order. Observations in the same step are averaged."""
    before, after = windows.margins(series)
    begin = key[1] * size
    width = len(windows.columns(series))
    sums = np.zeros((before + size + after, 2 * width))
    for part in parts:
        table = _table(part, series)
        sums[table[:, 0].astype(np.int64) - (begin - before)] += table[:, 1:]
    counts = sums[:, width:]
    values = np.where(counts > 0, sums[:, :width] / np.maximum(counts, 1), np.nan)
    # Only what is observed is an origin; a short series is a small part of a block.
    observed = np.flatnonzero(counts[before : before + size, 0])
    first, last = (int(observed[0]), int(observed[-1]) + 1) if len(observed) else (0, 0)
    return Stretch(begin + first - before, values[first : last + before + after], (begin + first, begin + last))


def extents(rows: Rows) -> Iterator[tuple[str, Extent]]:
    """Yields the series of rows that have a value, and from where to where."""
    observed = np.isfinite(rows.values[:, 0])
    codes, steps = rows.codes[observed], rows.steps[observed]
    order = np.lexsort((steps, codes))
    codes, steps = codes[order], steps[order]
    for begin, end in zip(*_runs(codes), strict=True):
        yield rows.names[codes[begin]], (int(steps[begin]), int(steps[end - 1]))


def _runs(*sorted_columns: Ints) -> tuple[Ints, Ints]:
    """Returns where in sorted columns the runs of equal rows begin and end."""
    changes = np.any([np.diff(c) != 0 for c in sorted_columns], axis=0)
    length = len(sorted_columns[0])
    bounds = np.concatenate([[0], np.flatnonzero(changes) + 1, [length]]) if length else np.zeros(1, np.int64)
    return bounds[:-1], bounds[1:]


def _table(part: bytes, series: Series) -> Floats:
    return np.frombuffer(part).reshape(-1, 1 + 2 * len(windows.columns(series)))
