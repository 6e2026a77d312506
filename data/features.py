"""The words in which a dataset is declared: its columns, its label, its task.

Everything here is frozen and plain, so that it can be read by every layer and every process without TensorFlow. What a
feature *becomes* (scaling, buckets, vocabularies) is one rule a kind in `trainer_module/preprocess.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

DType = Literal["float32", "int64", "string"]
Task = Literal["binary_classification"]

# The splits that ExampleGen writes, and the share of rows (hash buckets) that each gets by default.
TRAIN_SPLIT = "train"
EVAL_SPLIT = "eval"


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


Feature: TypeAlias = Numeric | Bucketized | Vocabulary | Categorical


@dataclass(frozen=True)
class Label:
    """The label as it stands in a column."""

    column: str
    dtype: DType = "float32"

    @property
    def name(self) -> str:
        """The key of the label among the transformed features."""
        return self.column

    @property
    def columns(self) -> tuple[tuple[str, DType], ...]:
        """The raw columns that the label is computed from."""
        return ((self.column, self.dtype),)


@dataclass(frozen=True)
class RatioLabel:
    """1 where `numerator` > `threshold` * `denominator`, else 0; 0 too where either of them is missing."""

    name: str
    numerator: str
    denominator: str
    threshold: float
    dtype: DType = "float32"

    @property
    def columns(self) -> tuple[tuple[str, DType], ...]:
        """The raw columns that the label is computed from."""
        return ((self.numerator, self.dtype), (self.denominator, self.dtype))


# What TFDV calls the kinds of anomaly: the names of tensorflow_metadata's AnomalyInfo.Type.
AnomalyAction = Literal["warn", "refuse"]


@dataclass(frozen=True)
class AnomalyPolicy:
    """Which anomalies of the data stop a run.

    Attributes:
        kinds: AnomalyInfo.Type name -> "warn" or "refuse".
        otherwise: what happens on a kind that is not listed.
    """

    # A column that nobody reads does no harm; everything else changes what the model sees.
    kinds: Mapping[str, AnomalyAction] = field(default_factory=lambda: {"SCHEMA_NEW_COLUMN": "warn"})
    otherwise: AnomalyAction = "refuse"

    def action(self, kind: str) -> AnomalyAction:
        """Returns what to do about an anomaly of `kind`."""
        return self.kinds.get(kind, self.otherwise)


@dataclass(frozen=True)
class Dataset:
    """A dataset: what a model is trained on and how it is judged.

    Attributes:
        name: as on the command line; the file's name in `data/datasets/`.
        task: what the label means; decides the heads of the models, the metrics and the served outputs.
        features: the inputs of a model, one object each.
        label: how the label comes about.
        other_columns: columns that the data has, no feature and no label; undeclared ones are read as text and
            make the data gate warn.
        sample: a real CSV file or folder, used when no `--data` is given: a path relative to the checkout, or
            `package:path` for a file that an installed package carries.
        description: one line for `python -m pipeline list`.
        slices: feature columns by whose values the metrics are computed as well.
        eval_buckets: hash buckets out of ten that go to the evaluation split (the rest trains).
        anomalies: which anomalies warn and which refuse.
        min_auc: the floor that a model's AUC must reach to be blessed.
        min_skill: by how much accuracy must exceed the share of the majority class.
        max_auc_drop: how much AUC a model may lose against the latest blessed one.
        train_steps: a sensible training for this amount of data.
    """

    name: str
    task: Task
    features: tuple[Feature, ...]
    label: Label | RatioLabel
    sample: str
    description: str = ""
    other_columns: Mapping[str, DType] = field(default_factory=dict)
    slices: tuple[str, ...] = ()
    eval_buckets: int = 3
    anomalies: AnomalyPolicy = AnomalyPolicy()
    min_auc: float = 0.5
    min_skill: float = 0.01
    max_auc_drop: float = 0.005
    train_steps: int = 1000

    def __post_init__(self) -> None:
        """Raises ValueError for a declaration that cannot work."""
        if not 1 <= self.eval_buckets <= 9:
            raise ValueError(f"eval_buckets must be from 1 to 9, of ten. Received: {self.eval_buckets}.")
        unknown = [name for name in self.slices if name not in self.types]
        if unknown:
            raise ValueError(f"There is no column {', '.join(unknown)} to slice by. Declared: {', '.join(self.types)}.")

    @property
    def columns(self) -> dict[str, DType]:
        """Every column that must be in the data: name -> type."""
        return {f.name: f.dtype for f in self.features} | dict(self.label.columns)

    @property
    def types(self) -> dict[str, DType]:
        """Every column that is declared, needed or not: name -> type."""
        return {**self.other_columns, **self.columns}

    @property
    def numeric(self) -> tuple[Numeric, ...]:
        """The features that come out of Transform as standardised floats."""
        return tuple(f for f in self.features if isinstance(f, Numeric))

    @property
    def categorical(self) -> tuple[Bucketized | Vocabulary | Categorical, ...]:
        """The features that come out of Transform as ids in [0, cardinality)."""
        return tuple(f for f in self.features if not isinstance(f, Numeric))
