"""The words in which a dataset is declared: its columns, its label, its task.

Everything here is frozen and plain, so that it can be read by every layer and every process without TensorFlow. What a
feature *becomes* (scaling, buckets, vocabularies) is one rule a kind in `trainer_module/transform/preprocess.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

# The types in which a column can be written.
DType = Literal["float32", "int64", "string"]


def _check_oov(oov: int) -> None:
    if oov < 1:
        raise ValueError(f"oov must be at least 1: what is not in the vocabulary needs an id. Received: {oov}.")


@dataclass(frozen=True)
class Numeric:
    """A number, standardised: z-score over the training split, a missing value counts as the mean (0 after scaling).

    Attributes:
        name: the column.
        dtype: how the column is written in the data.
        log: take log(1 + x) first, for amounts with a long tail; values below 0 count as 0.
    """

    name: str
    dtype: DType = "float32"
    log: bool = False


@dataclass(frozen=True)
class Bucketized:
    """A number cut at the quantiles of the training split into `buckets` ids; a missing value gets an id of its own."""

    name: str
    buckets: int = 10
    dtype: DType = "float32"

    @property
    def cardinality(self) -> int:
        """Number of distinct ids: the buckets, then missing."""
        return self.buckets + 1


@dataclass(frozen=True)
class Vocabulary:
    """A string or an id whose values are learnt: the `size` most frequent of the training split.

    Other values are hashed into `oov` ids behind them; a missing value gets an id of its own behind those. The number of
    ids does not depend on the data, so that a retrained model has variables of the same shapes.
    """

    name: str
    size: int = 1000
    oov: int = 1
    dtype: DType = "string"

    def __post_init__(self) -> None:
        """Raises ValueError for a declaration without an id for unknown values."""
        _check_oov(self.oov)

    @property
    def cardinality(self) -> int:
        """Number of distinct ids: known values, out-of-vocabulary ids, missing."""
        return self.size + self.oov + 1


@dataclass(frozen=True)
class Categorical:
    """An integer that is a category already, in [0, size): hours, months, area codes.

    An integer outside gets the id `size`, a missing one `size + 1`.
    """

    name: str
    size: int
    dtype: DType = "int64"

    @property
    def cardinality(self) -> int:
        """Number of distinct ids: the categories, out of range, missing."""
        return self.size + 2


@dataclass(frozen=True)
class Text:
    """A text as a sequence of words: lower case, cut at everything that is no letter or digit, HTML tags left out.

    Transformed, `length` ids: 0 is padding, behind the text; then the words that occur at least `min_frequency` times in what
    is read of the training split, the `size` most frequent of them; then `oov` ids into which other words are hashed. A longer
    text is cut after `length` words. A missing text is an empty one: nothing but padding.
    """

    name: str
    length: int = 100
    size: int = 10_000
    min_frequency: int = 2
    oov: int = 1

    def __post_init__(self) -> None:
        """Raises ValueError for a declaration without an id for unknown words."""
        _check_oov(self.oov)

    @property
    def dtype(self) -> DType:
        """How the column is written."""
        return "string"

    @property
    def cardinality(self) -> int:
        """Number of distinct ids: padding, known words, out-of-vocabulary ids."""
        return 1 + self.size + self.oov


@dataclass(frozen=True)
class Window:
    """Several values of a series in a row, oldest first: a column that holds `length` numbers.

    A value that is missing is the one before it (the one behind it, at the beginning).

    Attributes:
        name: the column.
        length: number of values.
        scale: "relative", the difference to the window's last value in units learnt from the training split; "standard",
            z-score over the training split; "none", as it is.
    """

    name: str
    length: int
    scale: Literal["relative", "standard", "none"] = "relative"

    @property
    def dtype(self) -> DType:
        """How the column is written."""
        return "float32"


Tabular: TypeAlias = Numeric | Bucketized | Vocabulary | Categorical
Feature: TypeAlias = Tabular | Text | Window
