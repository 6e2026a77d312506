"""How a table of time series is cut into windows: a past to predict from, a future to predict, by time."""

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
    """Time series in a CSV: one row a time (and series), in any order.

    Rows are put on a grid of `step`: values that fall into the same step are averaged (duplicate timestamps among them), a
    step without a value is a gap. A window ends at an observed value, its origin, and predicts observed values only; gaps
    of up to `max_gap` steps in its past are interpolated from values of that same past, a window with a longer one is left
    out, and counted.

    The split is by time: the last `eval_share` of the time range is for evaluation. A window belongs to a split only if
    every value that it touches does (its past, its future, and what its naive forecast reads); `embargo` steps between the
    two stay unused. So no training window shares a moment with an evaluation window.

    Attributes:
        time: the column of the time; `time_format` says how it is written (strptime), UTC if it names no zone.
        value: the column to forecast.
        inputs: values of the past in a window (the paper's N_INPUTS).
        outputs: values of the future to predict (N_OUTPUTS).
        step: of the grid, as NumPy writes it: a number and one of s, m, h, D, W, M, Y ("15m", "W", "M").
        time_format: of the time column; "%s" for seconds since 1970.
        id: the column that tells series apart, if there are several.
        season: steps in a season, for the seasonal naive forecast that a model is measured against.
        past_covariates: more columns with numbers, known up to the origin.
        known_covariates: columns with numbers that are known in advance (holidays, plans). Windows carry them for the
            future too.
        calendar: cycles whose phase windows carry as sine and cosine, for past and future.
        max_gap: missing steps in a row that are interpolated.
        eval_share: of the time range, from its end.
        embargo: unused steps between the two splits.
        stride: steps between the origins of two windows.
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
        """Raises ValueError for a declaration that cannot work."""
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
        """Steps as NumPy counts time: so many of a unit."""
        match = _STEP.fullmatch(self.step)
        assert match
        return int(match[1] or 1), match[2]

    @property
    def columns(self) -> dict[str, DType]:
        """The columns of the CSV that are read: name -> type."""
        ids: dict[str, DType] = {self.id: "string"} if self.id else {}
        return {
            self.time: "string",
            **ids,
            **dict.fromkeys((self.value, *self.past_covariates, *self.known_covariates), "float32"),
        }

    @property
    def features(self) -> tuple[Window, ...]:
        """What a model reads of a window."""
        whole = self.inputs + self.outputs
        return (
            Window(self.value, self.inputs, "relative"),
            *(Window(name, self.inputs, "standard") for name in self.past_covariates),
            *(Window(name, whole, "standard") for name in self.known_covariates),
            *(Window(f"{cycle}_{f}", whole, "none") for cycle in self.calendar for f in ("sin", "cos")),
        )

    @property
    def label(self) -> ForecastLabel:
        """What a model predicts."""
        return ForecastLabel(self.value, self.inputs, self.outputs)

    @property
    def seasonal_naive(self) -> str:
        """The column of the forecast that a model is measured against: one season ago, plus the change since then."""
        return f"{self.value}_seasonal_naive"

    @property
    def other_columns(self) -> dict[str, DType]:
        """What windows carry that is no feature and no label."""
        return {SERIES: "string", ORIGIN: "int64", self.seasonal_naive: "float32"}

    @property
    def reach(self) -> int:
        """Steps that a window reaches back from its origin, the origin included: its past, or a season."""
        return max(self.inputs, self.season + 1)
