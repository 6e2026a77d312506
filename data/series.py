"""Time series: how a CSV with one row for each time becomes windows of known values and values to predict."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from data.features import DType, Window
from data.labels import ForecastLabel
from data.renamed import refuse_former_arguments

# Columns that every window has beside its values.
SERIES = "series"  # id of the series, "" if the data has no id column
ORIGIN = "origin"  # time of the last known value, in seconds since 1970

Cycle = Literal["year", "week", "day"]

_STEP = re.compile(r"(\d*)([smhDWMY])")


@refuse_former_arguments
@dataclass(frozen=True)
class Series:
    """Time series in a CSV that has one row for each time (and series), in any order.

    **Grid.** Rows are placed on a grid of `step`. Values in the same step are averaged, duplicate timestamps too. A step
    without a value is a gap.

    **Windows.** A window ends at an observed value, its origin, and predicts observed values only. Gaps of up to `max_gap`
    steps in its past are interpolated from values of the same past. A window with a longer gap is dropped and counted.

    **Split.** The last `eval_share` of the time range is for evaluation. A window belongs to a split only if the split
    contains every value that the window uses: its past, its future, and what its naive forecast reads. The `embargo` steps
    between the splits stay unused. So no training window shares a moment with an evaluation window.

    Example: `Series(time="date", value="co2", step="W", inputs=60, outputs=12, season=52)`.

    Attributes:
        time: the column of the time, in UTC unless it names a zone.
        value: the column to forecast.
        inputs: number of known values in a window (often called N_INPUTS).
        outputs: number of values to predict (often called N_OUTPUTS).
        step: the distance of the grid's points, as NumPy writes it: a number and one of s, m, h, D, W, M, Y, like "15m" or
            "W".
        time_format: how the time is written, as strptime has it; "%s" for seconds since 1970.
        id: the column that distinguishes several series; None if there is one.
        season: steps in a season, for the seasonal naive forecast with which a model is compared.
        past_covariates: further columns with numbers that are known up to the origin.
        known_covariates: columns with numbers that are known in advance, such as holidays or plans. Windows carry them for
            the future too.
        calendar: cycles of the calendar. Windows carry the phase of each, as sine and cosine, for past and future.
        max_gap: number of successive missing steps that are interpolated.
        eval_share: fraction of the time range, at its end, that is for evaluation.
        embargo: unused steps between the two splits.
        stride: steps between the origins of two windows.

    Raises:
        ValueError: a number is out of its range, or `step` is not written as NumPy does.
    """

    time: str
    value: str
    inputs: int
    outputs: int
    step: str = "D"
    time_format: str = "%Y-%m-%d"
    id: str | None = None
    season: int = 1
    past_covariates: tuple[str, ...] = ()
    known_covariates: tuple[str, ...] = ()
    calendar: tuple[Cycle, ...] = ()
    max_gap: int = 0
    eval_share: float = 0.2
    embargo: int = 0
    stride: int = 1

    def __post_init__(self) -> None:
        """Checks the declaration."""
        for name in ("inputs", "outputs", "season", "stride"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1. Received: {getattr(self, name)}.")
        for name in ("max_gap", "embargo"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative. Received: {getattr(self, name)}.")
        if not 0 < self.eval_share < 1:
            raise ValueError(f"eval_share must lie between 0 and 1. Received: {self.eval_share}.")
        if not _STEP.fullmatch(self.step) or self.step.startswith("0"):
            raise ValueError(f"step must be a number and one of s, m, h, D, W, M, Y, like '15m'. Received: '{self.step}'.")

    @property
    def grid(self) -> tuple[int, str]:
        """The step as NumPy counts time: a number and a unit."""
        match = _STEP.fullmatch(self.step)
        assert match
        return int(match[1] or 1), match[2]

    @property
    def columns(self) -> dict[str, DType]:
        """The columns that are read from the CSV: name -> type."""
        ids: dict[str, DType] = {self.id: "string"} if self.id else {}
        return {
            self.time: "string",
            **ids,
            **dict.fromkeys((self.value, *self.past_covariates, *self.known_covariates), "float32"),
        }

    @property
    def features(self) -> tuple[Window, ...]:
        """The features of a window, for `Dataset.features`."""
        length = self.inputs + self.outputs
        return (
            Window(self.value, self.inputs, "relative"),
            *(Window(name, self.inputs, "standard") for name in self.past_covariates),
            *(Window(name, length, "standard") for name in self.known_covariates),
            *(Window(f"{cycle}_{f}", length, "none") for cycle in self.calendar for f in ("sin", "cos")),
        )

    @property
    def label(self) -> ForecastLabel:
        """The label, for `Dataset.label`."""
        return ForecastLabel(self.value, self.inputs, self.outputs)

    @property
    def seasonal_naive(self) -> str:
        """The column of the seasonal naive forecast: the value one season before, plus the change since then."""
        return f"{self.value}_seasonal_naive"

    @property
    def other_columns(self) -> dict[str, DType]:
        """Columns of a window that are neither feature nor label: name -> type."""
        return {SERIES: "string", ORIGIN: "int64", self.seasonal_naive: "float32"}

    @property
    def reach(self) -> int:
        """Number of steps that a window reads up to its origin, which counts too: its past, or a season if that is longer."""
        return max(self.inputs, self.season + 1)
