"""Cuts a stretch of one series into windows: chooses the origins, assigns them to splits, and fills the windows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numpy.lib.stride_tricks import sliding_window_view

from components.window_example_gen import times
from components.window_example_gen.times import Floats, Ints
from data import EVAL_SPLIT, ORIGIN, SERIES, TRAIN_SPLIT, Series

# Names of counters: what happened to each origin.
MADE = "windows_made"
DROPPED_GAP = "windows_dropped_gap"
DROPPED_TARGET = "windows_dropped_target"
DROPPED_SPLIT = "windows_dropped_split"
COUNTERS = (MADE, DROPPED_GAP, DROPPED_TARGET, DROPPED_SPLIT)

# Numbers that are copied into windows at once: 8 MB as float64.
_BATCH_VALUES = 1 << 20

Mask = npt.NDArray[np.bool_]


def columns(series: Series) -> tuple[str, ...]:
    """Returns the numeric columns, the value to forecast first."""
    return tuple(dict.fromkeys((series.value, *series.past_covariates, *series.known_covariates)))


def margins(series: Series) -> tuple[int, int]:
    """Returns how many steps before and after its origin a window may read, including the gaps that it interpolates over."""
    return series.reach - 1 + series.max_gap, series.outputs + (series.max_gap if series.known_covariates else 0)


def cutoff(first: int, last: int, series: Series) -> int:
    """Returns the step at which the evaluation's share of the time range begins.

    Args:
        first: the first step of any series that has a value.
        last: the last one.
        series: the declaration.
    """
    return first + math.ceil(round((1 - series.eval_share) * (last - first + 1), 6))  # 0.3 * 10 is 3.0000000000000004


@dataclass(frozen=True)
class StepRange:
    """The first and the last step that a split may use."""

    first: float
    last: float

    @classmethod
    def of_splits(cls, first: int, last: int, series: Series) -> dict[str, StepRange]:
        """Returns the steps of each split of a time range: split name -> its steps. The arguments are those of `cutoff`."""
        border = cutoff(first, last, series)
        return {TRAIN_SPLIT: cls(-math.inf, border - 1), EVAL_SPLIT: cls(border + series.embargo, math.inf)}


@dataclass(frozen=True)
class Stretch:
    """Consecutive steps of one series.

    Attributes:
        first: the first step, as its number on the grid.
        values: [steps, columns] float64, as `columns` names them; NaN for a missing observation.
        origins: the steps [from, to) in which an origin may lie. The stretch has `margins` around them.
    """

    first: int
    values: Floats
    origins: tuple[int, int]

    def candidates(self, stride: int) -> Ints:
        """Returns the rows of `values` that may be origins: they lie on the stride and are observed."""
        begin, end = self.origins
        rows = np.arange(-(-begin // stride) * stride, end, stride, dtype=np.int64) - self.first
        return rows[np.isfinite(self.values[rows, 0])]


class _FilledColumn:
    """A column of a stretch whose gaps are filled."""

    def __init__(self, values: Floats, max_gap: int) -> None:
        steps = np.arange(len(values))
        self.observed: Mask = np.isfinite(values)
        # The nearest observed row at or before each row, and at or after it; a row outside the stretch if there is no such row.
        outside = len(values) + max_gap + 1
        self.before: Ints = np.maximum.accumulate(np.where(self.observed, steps, -outside))
        self.after: Ints = np.minimum.accumulate(np.where(self.observed, steps, len(values) + outside)[::-1])[::-1]
        left, right = values[np.maximum(self.before, 0)], values[np.minimum(self.after, len(values) - 1)]
        share = (steps - self.before) / np.maximum(self.after - self.before, 1)
        self.held: Floats = left
        is_short_gap = self.after - self.before - 1 <= max_gap  # a longer gap, or one at an end, is filled with NaN
        self.filled: Floats = np.where(self.observed, values, np.where(is_short_gap, left + (right - left) * share, np.nan))
        self._missing: Ints = np.concatenate([[0], np.isnan(self.filled).cumsum()])
        self._unobserved: Ints = np.concatenate([[0], (~self.observed).cumsum()])

    def is_filled(self, begin: Ints, end: Ints) -> Mask:
        """Returns whether every row of [begin, end) has a value, observed or interpolated."""
        return self._missing[end] == self._missing[begin]

    def is_observed(self, begin: Ints, end: Ints) -> Mask:
        """Returns whether every row of [begin, end) is observed."""
        return self._unobserved[end] == self._unobserved[begin]


class Cutter:
    """Cuts one stretch of one series into windows.

    - A value is interpolated, linearly, if at most `max_gap` steps in a row are missing, from the observations on both
      sides. The value and the `past` columns use observations at or before the origin only. So a gap at the beginning of a
      window is filled from observations before the window. A `past` column that is missing at the origin keeps its last
      observation, for at most `max_gap` steps. `known` columns may use observations after the window.
    - An origin has a window if it is observed, the next `outputs` values are observed, and everything else that the window
      reads is observed or filled: `reach` steps of the value, `inputs` of `past`, `inputs` + `outputs` of `known` columns.
    - A window touches all steps that it reads, and the observations from which a gap at one of its ends is filled. It is in a
      split if the split has all these steps.
    """

    def __init__(self, stretch: Stretch, series: Series) -> None:
        self._stretch = stretch
        self._series = series
        names = columns(series)
        self._columns = {name: _FilledColumn(stretch.values[:, i], series.max_gap) for i, name in enumerate(names)}
        self._value = self._columns[series.value]

    def select(self, splits: dict[str, StepRange]) -> tuple[dict[str, Ints], dict[str, int]]:
        """Chooses the origins that have a window.

        Args:
            splits: name -> the steps that its windows may touch.

        Returns:
            Split -> its origins, as rows of the stretch; and counter -> number of origins. Each origin is counted once, by the
            first check that it fails: target, gap, split.
        """
        series, origins = self._series, self._stretch.candidates(self._series.stride)
        target = self._value.is_observed(origins + 1, origins + 1 + series.outputs)
        complete, first, last = self._read(origins[target])
        origins = origins[target][complete]
        first, last = first[complete] + self._stretch.first, last[complete] + self._stretch.first
        origins_by_split = {name: origins[(first >= s.first) & (last <= s.last)] for name, s in splits.items()}
        window_count = sum(map(len, origins_by_split.values()))
        return origins_by_split, {
            MADE: window_count,
            DROPPED_TARGET: int((~target).sum()),
            DROPPED_GAP: int((~complete).sum()),
            DROPPED_SPLIT: len(origins) - window_count,
        }

    def _read(self, origins: Ints) -> tuple[Mask, Ints, Ints]:
        """Returns for each origin whether its window has all inputs, and the first and the last row that the window touches."""
        series, value = self._series, self._value
        reach, begin, end = origins - series.reach + 1, origins - series.inputs + 1, origins + series.outputs
        complete = value.is_filled(reach, origins + 1)
        first, last = value.before[reach], end
        for name in series.past_covariates:
            column = self._columns[name]
            last_observed = column.before[origins]
            is_recent = origins - last_observed <= series.max_gap
            complete = complete & is_recent & column.is_filled(begin, np.maximum(last_observed + 1, begin))
            first = np.minimum(first, column.before[begin])
        for name in series.known_covariates:
            column = self._columns[name]
            complete = complete & column.is_filled(begin, end + 1)
            first, last = np.minimum(first, column.before[begin]), np.maximum(last, column.after[end])
        return complete, first, last

    def batches(self, origins: Ints, name: str) -> Iterator[pa.RecordBatch]:
        """Makes windows.

        Args:
            origins: rows of the stretch, chosen by `select`.
            name: id of the series.

        Yields:
            Batches of bounded size. Each row is one window, each column has lists: the input of tfx_bsl's encoder.
        """
        series = self._series
        width = series.reach + sum(f.length for f in series.features) + 2 * series.outputs
        rows = max(1, _BATCH_VALUES // width)
        for begin in range(0, len(origins), rows):
            batch_origins = origins[begin : begin + rows]
            lists = {column: _lists(values.astype(np.float32)) for column, values in self._windows(batch_origins).items()}
            moments = times.start(batch_origins + self._stretch.first, series)
            lists[ORIGIN] = _lists(moments[:, np.newaxis])
            lists[SERIES] = pa.array([[name.encode()]] * len(batch_origins), pa.list_(pa.binary()))
            yield pa.RecordBatch.from_pydict(lists)

    def _windows(self, origins: Ints) -> dict[str, Floats]:
        """Returns column -> [origins, values]."""
        series, filled = self._series, self._value.filled
        begin, length = origins - series.inputs + 1, series.inputs + series.outputs
        windows = {
            series.value: _rows(filled, series.inputs, begin),
            series.label.name: _rows(filled, series.outputs, origins + 1),
            series.seasonal_naive: self._seasonal_naive(origins),
        }
        windows |= {name: self._past_windows(name, origins) for name in series.past_covariates}
        windows |= {name: _rows(self._columns[name].filled, length, begin) for name in series.known_covariates}
        for cycle in series.calendar:
            grid = np.arange(len(filled)) + self._stretch.first
            angle = 2 * np.pi * times.phase(times.start(grid, series), cycle)
            windows[f"{cycle}_sin"] = _rows(np.sin(angle), length, begin)
            windows[f"{cycle}_cos"] = _rows(np.cos(angle), length, begin)
        return windows

    def _past_windows(self, name: str, origins: Ints) -> Floats:
        """Returns a column up to the origin. It repeats the last observation: interpolation would read the future."""
        column, series = self._columns[name], self._series
        rows = origins[:, np.newaxis] + np.arange(1 - series.inputs, 1)
        return np.where(rows > column.before[origins][:, np.newaxis], column.held[rows], column.filled[rows])

    def _seasonal_naive(self, origins: Ints) -> Floats:
        """Forecasts y[t + h] as y[t + h - k * season] + k * (y[t] - y[t - season]), k = ceil(h / season).

        That is the last known value at the same place in the season, plus the change over one season for each season ahead.
        """
        season, filled = self._series.season, self._value.filled
        ahead = np.arange(1, self._series.outputs + 1)
        seasons = -(-ahead // season)
        change = filled[origins] - filled[origins - season]
        return filled[origins[:, np.newaxis] + ahead - seasons * season] + seasons * change[:, np.newaxis]


def _rows(values: Floats, length: int, begin: Ints) -> Floats:
    return sliding_window_view(values, length)[begin]


def _lists(values: npt.NDArray) -> pa.ListArray:
    rows, length = values.shape
    return pa.ListArray.from_arrays(np.arange(0, (rows + 1) * length, length, dtype=np.int32), values.ravel())
