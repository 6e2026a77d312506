"""How a label comes about: one kind for each thing that a model can be asked to predict.

Every kind has a `name` (its key among the transformed features), the raw `columns` that it is computed from, the number of
values a row (`width`), and the task that it is a label of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from data.features import DType
from data.renamed import refuse_former_arguments
from data.tasks import Task


class _InOneColumn:
    """A label that stands in a column of its own."""

    column: str
    dtype: DType

    @property
    def name(self) -> str:
        """The key of the label among the transformed features."""
        return self.column

    @property
    def columns(self) -> tuple[tuple[str, DType], ...]:
        """The raw columns that the label is computed from."""
        return ((self.column, self.dtype),)


@dataclass(frozen=True)
class BinaryLabel(_InOneColumn):
    """0 or 1, as it stands in a column."""

    column: str
    dtype: DType = "float32"
    task: ClassVar[Task] = "binary_classification"
    width: ClassVar[int] = 1


@dataclass(frozen=True)
class RatioLabel:
    """1 where `numerator` > `threshold` * `denominator`, else 0; 0 too where either of them is missing."""

    name: str
    numerator: str
    denominator: str
    threshold: float
    dtype: DType = "float32"
    task: ClassVar[Task] = "binary_classification"
    width: ClassVar[int] = 1

    @property
    def columns(self) -> tuple[tuple[str, DType], ...]:
        """The raw columns that the label is computed from."""
        return ((self.numerator, self.dtype), (self.denominator, self.dtype))


@dataclass(frozen=True)
class MulticlassLabel(_InOneColumn):
    """One of several classes, written in a column; transformed, its place among `classes`."""

    column: str
    classes: tuple[str, ...] | tuple[int, ...]
    task: ClassVar[Task] = "multiclass_classification"
    width: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Raises ValueError for classes that cannot be told apart."""
        if len(set(self.classes)) < 2 or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes must be two or more, each once. Received: {self.classes}.")

    @property
    def dtype(self) -> DType:  # type: ignore[override]
        """How the classes are written: as text, or as whole numbers."""
        return "string" if isinstance(self.classes[0], str) else "int64"


@dataclass(frozen=True)
class NumericLabel(_InOneColumn):
    """A number to predict.

    Models train on it standardised (mean 0, standard deviation 1 over the training split, learnt by Transform); what they
    predict is put back inside the exported graph, so that predictions, metrics and bounds are in the units of the column.

    Attributes:
        column: where it stands.
        dtype: how the column is written.
        log: take log(1 + x) before standardising: for amounts with a long tail, where a relative error is what counts.
            Least squares on the logarithm predicts the median rather than the mean: totals come out a little low.
    """

    column: str
    dtype: DType = "float32"
    log: bool = False
    task: ClassVar[Task] = "regression"
    width: ClassVar[int] = 1


@refuse_former_arguments
@dataclass(frozen=True)
class ForecastLabel:
    """The next `width` values of a series after a window of `inputs` ones, in the column's units; see `data.Series.label`.

    Models train on the difference to the last known value, in units that Transform learns from the training split: a
    series with a trend leaves the range of its past.
    """

    value: str
    inputs: int
    width: int
    task: ClassVar[Task] = "forecast"

    @property
    def name(self) -> str:
        """The key of the label among the transformed features; its raw column has the same name."""
        return f"{self.value}_future"

    @property
    def columns(self) -> tuple[tuple[str, DType], ...]:
        """The raw columns that the label is computed from."""
        return ((self.name, "float32"),)


AnyLabel: TypeAlias = BinaryLabel | RatioLabel | MulticlassLabel | NumericLabel | ForecastLabel
