"""The labels of a dataset: one class for each thing that a model can predict.

Every class has a `name` (the key of the label among the transformed features), the raw `columns` from which the label is
computed, a `width` (values in each row), and the `task` that the label belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from data.features import DType
from data.renamed import refuse_former_arguments
from data.tasks import Task


class _OneColumn:
    """A label that is a column of the data."""

    column: str
    dtype: DType

    @property
    def name(self) -> str:
        """The key of the label among the transformed features: the column."""
        return self.column

    @property
    def columns(self) -> tuple[tuple[str, DType], ...]:
        """The raw columns from which the label is computed, with their types."""
        return ((self.column, self.dtype),)


@dataclass(frozen=True)
class BinaryLabel(_OneColumn):
    """0 or 1 in a column: binary classification. Example: `BinaryLabel("ripe", dtype="int64")`.

    Attributes:
        column: the column.
        dtype: the type in which the column is written.
    """

    column: str
    dtype: DType = "float32"
    task: ClassVar[Task] = "binary_classification"
    width: ClassVar[int] = 1


@dataclass(frozen=True)
class RatioLabel:
    """1 if `numerator` > `threshold` * `denominator`, else 0: binary classification.

    It is 0 too if either value is missing. Example: `RatioLabel("big_tipper", "tips", "fare", threshold=0.2)`.

    Attributes:
        name: the key of the label among the transformed features.
        numerator: a column with numbers.
        denominator: a column with numbers.
        threshold: the ratio above which the label is 1.
        dtype: the type in which both columns are written.
    """

    name: str
    numerator: str
    denominator: str
    threshold: float
    dtype: DType = "float32"
    task: ClassVar[Task] = "binary_classification"
    width: ClassVar[int] = 1

    @property
    def columns(self) -> tuple[tuple[str, DType], ...]:
        """The raw columns from which the label is computed, with their types."""
        return ((self.numerator, self.dtype), (self.denominator, self.dtype))


@dataclass(frozen=True)
class MulticlassLabel(_OneColumn):
    """One of several classes in a column: multi-class classification.

    Transform replaces a class by its position in `classes`. Example:
    `MulticlassLabel("species", classes=("setosa", "virginica", "versicolor"))`.

    Attributes:
        column: the column.
        classes: every class as the data writes it: all text, or all integers.

    Raises:
        ValueError: there are fewer than two classes, or a class occurs twice.
    """

    column: str
    classes: tuple[str, ...] | tuple[int, ...]
    task: ClassVar[Task] = "multiclass_classification"
    width: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Checks the declaration."""
        if len(set(self.classes)) < 2 or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes must be at least two different values. Received: {self.classes}.")

    @property
    def dtype(self) -> DType:  # type: ignore[override]
        """The type in which the column is written: that of the classes, text or integers."""
        return "string" if isinstance(self.classes[0], str) else "int64"


@dataclass(frozen=True)
class NumericLabel(_OneColumn):
    """A number in a column: regression.

    Models train on the standardised label: mean 0, standard deviation 1 over the training split, as Transform has learnt.
    The exported graph converts their predictions back, so predictions, metrics and bounds are in the column's units.
    Example: `NumericLabel("price_usd", log=True)`.

    Attributes:
        column: the column.
        dtype: the type in which the column is written.
        log: take log(1 + x) before standardising, for amounts with a long tail, where the relative error counts. Least squares
            on the logarithm predicts the median instead of the mean, so sums of predictions are slightly too low.
    """

    column: str
    dtype: DType = "float32"
    log: bool = False
    task: ClassVar[Task] = "regression"
    width: ClassVar[int] = 1


@refuse_former_arguments
@dataclass(frozen=True)
class ForecastLabel:
    """The values of a time series after a window: forecast. `Series.label` makes it, from the declaration of the series.

    Models train on the difference to the window's last known value, in units that Transform learns from the training split:
    a series with a trend leaves the range of its past. Predictions, metrics and bounds are in the column's units.

    Attributes:
        value: the column to forecast.
        inputs: number of known values in a window.
        width: number of values to predict.
    """

    value: str
    inputs: int
    width: int
    task: ClassVar[Task] = "forecast"

    @property
    def name(self) -> str:
        """The key of the label among the transformed features; the windows have a column of this name."""
        return f"{self.value}_future"

    @property
    def columns(self) -> tuple[tuple[str, DType], ...]:
        """The raw columns from which the label is computed, with their types."""
        return ((self.name, "float32"),)


AnyLabel: TypeAlias = BinaryLabel | RatioLabel | MulticlassLabel | NumericLabel | ForecastLabel
