"""The declaration of a dataset: its columns, its label, and the bounds that a model must meet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from data.features import Bucketized, Categorical, DType, Feature, Numeric, Text, Vocabulary, Window
from data.labels import AnyLabel
from data.renamed import refuse_former_arguments
from data.series import Series
from data.tasks import TASKS, Bound, Task
from data.training import Training

# The splits that ExampleGen writes.
TRAIN_SPLIT = "train"
EVAL_SPLIT = "eval"

# The reaction of the data gate to an anomaly.
AnomalyAction = Literal["warn", "refuse"]


@dataclass(frozen=True)
class AnomalyPolicy:
    """Decides which anomalies of the data stop a run. Example: `AnomalyPolicy(kinds={"SCHEMA_NEW_COLUMN": "refuse"})`.

    Attributes:
        kinds: kind of anomaly -> "warn" or "refuse". The kinds are TFDV's, the names of AnomalyInfo.Type in
            tensorflow_metadata. By default a new column warns.
        otherwise: "warn" or "refuse", for every other kind.
    """

    # A column that no feature reads does no harm. Every other anomaly changes the input of the model.
    kinds: Mapping[str, AnomalyAction] = field(default_factory=lambda: {"SCHEMA_NEW_COLUMN": "warn"})
    otherwise: AnomalyAction = "refuse"

    def action(self, kind: str) -> AnomalyAction:
        """Returns what to do about an anomaly of a kind."""
        return self.kinds.get(kind, self.otherwise)


@refuse_former_arguments
@dataclass(frozen=True)
class Dataset:
    """A dataset: the columns that a model reads, the label that it predicts, and the bounds that it must meet.

    A file in `data/datasets/` defines one, as `DATASET`. Example:
    `Dataset(name="fruit", features=(Numeric("weight"),), label=BinaryLabel("ripe"), sample="fruit.csv")`.

    Attributes:
        name: the name on the command line; the same as the file's.
        features: the inputs of a model, one object for each.
        label: what a model predicts. Its kind decides the task.
        sample: real data for a run without `--data`, a CSV file or a folder of them: a path relative to the checkout, or
            `package:path` for a file in an installed package.
        description: one line for `python -m pipeline list`.
        model: the model that a run trains without `--model`.
        series: for time series: how rows become windows. Features and label are then `series.features`, `series.label`.
        weight: the column with the weight of each example in training, evaluation and metrics; a missing weight counts as 1.
        other_columns: column -> type, for columns of the data that are neither feature nor label. A column that is not
            declared at all is read as text. The data gate warns if the reviewed schema does not have it.
        slices: columns; the metrics are also computed separately for each of their values.
        eval_buckets: tenths of the rows that go to the evaluation split, by a hash of the row; the rest is for training. A
            series is split by time instead.
        anomalies: which anomalies of the data warn, and which refuse.
        empty_row: what the served model does with a row without any value. "answer" predicts as for any other row. "refuse"
            fails the request; it is the default for a series, because an empty window gives a forecast nothing to start from.
        bounds: bounds that a model must meet to be pushed; by default the bounds of the task (`data/tasks.py`).
        training: how long to train, and how often to evaluate.

    Raises:
        ValueError: the declaration contradicts itself. The message says where.
    """

    name: str
    features: tuple[Feature, ...]
    label: AnyLabel
    sample: str
    description: str = ""
    model: str = "custom_wide_deep"
    series: Series | None = None
    weight: str | None = None
    other_columns: Mapping[str, DType] = field(default_factory=dict)
    slices: tuple[str, ...] = ()
    eval_buckets: int = 3
    anomalies: AnomalyPolicy = AnomalyPolicy()
    empty_row: Literal["answer", "refuse"] = None  # type: ignore[assignment]  # filled in by __post_init__
    bounds: tuple[Bound, ...] = None  # type: ignore[assignment]  # filled in by __post_init__
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        """Fills in the defaults that depend on other fields, then checks the declaration."""
        if self.empty_row is None:
            object.__setattr__(self, "empty_row", "refuse" if self.series else "answer")
        if self.bounds is None:
            object.__setattr__(self, "bounds", TASKS[self.task].bounds)
        self._check_metrics()
        self._check_columns()
        if not 1 <= self.eval_buckets <= 9:
            raise ValueError(f"eval_buckets must be from 1 to 9 (of ten buckets). Received: {self.eval_buckets}.")
        if (self.task == "forecast") != (self.series is not None):
            raise ValueError("A forecast needs a `series`. Other tasks must not have one.")

    def _check_metrics(self) -> None:
        """Raises ValueError if `bounds` or `training.best` names a metric that cannot be used there."""
        task = TASKS[self.task]
        for bound in self.bounds:
            if bound.metric not in task.metrics:
                known = ", ".join(task.metrics)
                raise ValueError(f"A {self.task} has no metric '{bound.metric}'. It has: {known}.")
            is_relative = bound.max_degradation is not None or bound.max_degradation_ratio is not None
            if is_relative and task.metrics[bound.metric] == "none":
                raise ValueError(f"'{bound.metric}' has no better direction: bound it with at_least and at_most only.")
        if self.best not in task.selection_metrics:
            raise ValueError(
                f"The best checkpoint of a {self.task} cannot be chosen by '{self.best}'. "
                f"It can be chosen by: {', '.join(task.selection_metrics)}."
            )

    def _check_columns(self) -> None:
        """Raises ValueError if two features, or a feature and the label, have one name, or a slice has no column."""
        # Transform puts features and label into one mapping, by name.
        names = [f.name for f in self.features] + [self.label.name]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"The features and the label must have different names. Used twice: {', '.join(repeated)}.")
        unknown = [name for name in self.slices if name not in self.types]
        if unknown:
            raise ValueError(f"There is no column {', '.join(unknown)} to slice by. Declared: {', '.join(self.types)}.")

    @property
    def task(self) -> Task:
        """The task of the label."""
        return self.label.task

    @property
    def columns(self) -> dict[str, DType]:
        """Columns that the examples must have: name -> type."""
        weight: dict[str, DType] = {self.weight: "float32"} if self.weight else {}
        return {f.name: f.dtype for f in self.features} | dict(self.label.columns) | weight

    @property
    def types(self) -> dict[str, DType]:
        """All declared columns of the examples: name -> type."""
        return {**self.other_columns, **(self.series.other_columns if self.series else {}), **self.columns}

    @property
    def source_columns(self) -> dict[str, DType]:
        """Columns that the CSV must have: name -> type."""
        return self.series.columns if self.series else self.columns

    @property
    def source_types(self) -> dict[str, DType]:
        """All declared columns of the CSV: name -> type."""
        return {**self.other_columns, **self.source_columns}

    @property
    def best(self) -> str:
        """The metric by which one checkpoint is better than another."""
        return self.training.best or TASKS[self.task].primary

    @property
    def numeric(self) -> tuple[Numeric, ...]:
        """Features that Transform turns into standardised floats [batch, 1]."""
        return tuple(f for f in self.features if isinstance(f, Numeric))

    @property
    def categorical(self) -> tuple[Bucketized | Vocabulary | Categorical, ...]:
        """Features that Transform turns into ids [batch, 1], from 0 to `cardinality - 1`."""
        return tuple(f for f in self.features if isinstance(f, (Bucketized, Vocabulary, Categorical)))

    @property
    def texts(self) -> tuple[Text, ...]:
        """Features that Transform turns into ids of words [batch, length], padded with 0."""
        return tuple(f for f in self.features if isinstance(f, Text))

    @property
    def windows(self) -> tuple[Window, ...]:
        """Features that Transform turns into floats [batch, length]."""
        return tuple(f for f in self.features if isinstance(f, Window))
