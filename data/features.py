"""The features of a dataset: one class for each kind of column that a model can read.

A feature declares the type of its column and how Transform transforms it. Nothing here needs TensorFlow, so every process can
read a declaration. The transformations are in `trainer_module/transform/preprocess.py`, one for each class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

# The types in which a column can be written.
DType = Literal["float32", "int64", "string"]


def _check_oov(oov: int) -> None:
    if oov < 1:
        raise ValueError(f"oov must be at least 1: values outside the vocabulary need an id. Received: {oov}.")


@dataclass(frozen=True)
class Numeric:
    """A number. Transform standardises it: mean 0, standard deviation 1 over the training split.

    A missing value becomes 0, the mean. Example: `Numeric("fare", log=True)`.

    Attributes:
        name: the column.
        dtype: the type in which the column is written.
        log: take log(1 + x) before standardising, for amounts with a long tail; values below 0 count as 0.
    """

    name: str
    dtype: DType = "float32"
    log: bool = False


@dataclass(frozen=True)
class Bucketized:
    """A number that Transform cuts into buckets at the quantiles of the training split.

    The model gets the number of the bucket, 0 to `buckets - 1`. A missing value gets an id after those. Example:
    `Bucketized("latitude", buckets=10)`.

    Attributes:
        name: the column.
        buckets: number of buckets.
        dtype: the type in which the column is written.
    """

    name: str
    buckets: int = 10
    dtype: DType = "float32"

    @property
    def cardinality(self) -> int:
        """Number of ids: one for each bucket, one for missing values."""
        return self.buckets + 1


@dataclass(frozen=True)
class Vocabulary:
    """A category whose values Transform learns: the most frequent values of the training split get an id each.

    Other values are hashed into `oov` further ids, and a missing value gets the id after those. The number of ids does not
    depend on the data, so a retrained model has variables of the same shapes. Example: `Vocabulary("company", size=100)`.

    Attributes:
        name: the column.
        size: number of values that get their own id.
        oov: number of ids for all other values ("out of vocabulary").
        dtype: the type in which the column is written.

    Raises:
        ValueError: `oov` is less than 1.
    """

    name: str
    size: int = 1000
    oov: int = 1
    dtype: DType = "string"

    def __post_init__(self) -> None:
        """Checks the declaration."""
        _check_oov(self.oov)

    @property
    def cardinality(self) -> int:
        """Number of ids: known values, unknown values, missing values."""
        return self.size + self.oov + 1


@dataclass(frozen=True)
class Categorical:
    """An integer that is already a category, from 0 to `size - 1`: an hour, a month, an area code.

    An integer outside this range gets the id `size`, a missing value the id `size + 1`. Example:
    `Categorical("hour", size=24)`.

    Attributes:
        name: the column.
        size: number of categories.
        dtype: the type in which the column is written.
    """

    name: str
    size: int
    dtype: DType = "int64"

    @property
    def cardinality(self) -> int:
        """Number of ids: the categories, integers out of range, missing values."""
        return self.size + 2


@dataclass(frozen=True)
class Text:
    """A text. Transform turns it into the ids of its words, at most `length` of them.

    It makes the text lower case, leaves out HTML tags, and splits it at everything that is not a letter or a digit. The id 0
    is padding, after the last word. Then come the ids of the `size` most frequent words of the training split, then `oov`
    ids into which all other words are hashed. A missing text is an empty one: padding only. Example:
    `Text("review", length=64)`.

    Attributes:
        name: the column.
        length: number of ids in a row; a longer text is cut after this many words.
        size: number of words that get their own id.
        min_frequency: how often a word must occur in the training split, in the first `length` words of its texts, to get
            its own id.
        oov: number of ids for all other words ("out of vocabulary").

    Raises:
        ValueError: `oov` is less than 1.
    """

    name: str
    length: int = 100
    size: int = 10_000
    min_frequency: int = 2
    oov: int = 1

    def __post_init__(self) -> None:
        """Checks the declaration."""
        _check_oov(self.oov)

    @property
    def dtype(self) -> DType:
        """The type in which the column is written: always text."""
        return "string"

    @property
    def cardinality(self) -> int:
        """Number of ids: padding, known words, unknown words."""
        return 1 + self.size + self.oov


@dataclass(frozen=True)
class Window:
    """Successive values of a time series, the oldest first: each row of the column holds `length` numbers.

    A missing value takes the value before it; at the beginning of a window, the value after it. `Series` makes the windows
    of a dataset: see `Series.features`.

    Attributes:
        name: the column.
        length: number of values.
        scale: what Transform does. "relative" subtracts the window's last value, and divides by the size of such differences
            in the training split. "standard" gives mean 0, standard deviation 1 over the training split. "none" leaves the
            values as they are.
    """

    name: str
    length: int
    scale: Literal["relative", "standard", "none"] = "relative"

    @property
    def dtype(self) -> DType:
        """The type in which the column is written: always numbers."""
        return "float32"


Tabular: TypeAlias = Numeric | Bucketized | Vocabulary | Categorical
Feature: TypeAlias = Tabular | Text | Window
