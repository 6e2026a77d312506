"""A dataset: what a model is trained on and how it is judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from data.features import Bucketized, Categorical, DType, Feature, Numeric, Text, Vocabulary, Window
from data.labels import AnyLabel
from data.renamed import refuse_former_arguments
from data.series import Series
from data.tasks import TASKS, Bound, Task

# The splits that ExampleGen writes.
TRAIN_SPLIT = "train"
EVAL_SPLIT = "eval"

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
class Training:
    """A sensible training for this amount of data: what `train.*` in a configuration is by default.

    Attributes:
        steps: batches, at most.
        batch_size: rows a step.
        checkpoint_steps: steps between two checkpoints. Each can be evaluated, and the best one is served. A training of more
            `steps` without `patience` has as many of them, further apart. By default they come about every 10 seconds.
        eval_seconds: least time between two evaluations on the way, in seconds; 0 evaluates every checkpoint. By default
            evaluations come as often as a fifth of the training's time allows.
        patience: steps without a better `best` after which the training ends; 0 trains all `steps`.
        best: the metric that chooses the checkpoint to serve; by default the task's.
    """

    steps: int = 1000
    batch_size: int = 200
    checkpoint_steps: int | None = None
    eval_seconds: int | None = None
    patience: int = 0
    best: str | None = None


@refuse_former_arguments
@dataclass(frozen=True)
class Dataset:
    """A dataset: what a model is trained on and how it is judged.

    Attributes:
        name: as on the command line; the file's name in `data/datasets/`.
        features: the inputs of a model, one object each.
        label: how the label comes about; it decides the task.
        sample: a real CSV file or folder, used when no `--data` is given: a path relative to the checkout, or
            `package:path` for a file that an installed package carries.
        description: one line for `python -m pipeline list`.
        model: the model to train if none is named.
        series: for time series: how rows become windows. Features and label are then `series.features`, `series.label`.
        weight: a column with the weight of each example in training, evaluation and metrics; a missing one counts 1.
        other_columns: columns that the data has, no feature and no label; undeclared ones are read as text and
            make the data gate warn.
        slices: feature columns by whose values the metrics are computed as well.
        eval_buckets: hash buckets out of ten that go to the evaluation split (the rest trains); a series splits by time.
        anomalies: which anomalies warn and which refuse.
        empty_row: what the served model does with a row that has no value at all: "answer" it like any other, or
            "refuse" the batch with an error. By default a series refuses, there is nothing to go on from.
        bounds: what a model must reach to be blessed; by default what `data/tasks.py` says for the task.
        training: how long and how often.
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
    training: Training = Training()

    def __post_init__(self) -> None:
        """Raises ValueError for a declaration that cannot work."""
        if self.empty_row is None:
            object.__setattr__(self, "empty_row", "refuse" if self.series else "answer")
        if self.bounds is None:
            object.__setattr__(self, "bounds", TASKS[self.task].bounds)
        judged = TASKS[self.task]
        for bound in self.bounds:
            if bound.metric not in judged.metrics:
                known = ", ".join(judged.metrics)
                raise ValueError(f"There is no metric '{bound.metric}' of a {self.task}. There are: {known}.")
            if judged.metrics[bound.metric] == "none" and (bound.max_degradation, bound.max_degradation_ratio) != (None, None):
                raise ValueError(f"'{bound.metric}' gets neither better nor worse: bound it with at_least and at_most only.")
        if self.best not in judged.selection_metrics:
            raise ValueError(
                f"The best checkpoint of a {self.task} cannot be chosen by '{self.best}'. "
                f"It can by: {', '.join(judged.selection_metrics)}."
            )
        # Transformed features and the label lie side by side, by name.
        names = [f.name for f in self.features] + [self.label.name]
        double = sorted({name for name in names if names.count(name) > 1})
        if double:
            raise ValueError(f"Every feature, and the label, needs a column of its own. Named twice: {', '.join(double)}.")
        if not 1 <= self.eval_buckets <= 9:
            raise ValueError(f"eval_buckets must be from 1 to 9, of ten. Received: {self.eval_buckets}.")
        unknown = [name for name in self.slices if name not in self.types]
        if unknown:
            raise ValueError(f"There is no column {', '.join(unknown)} to slice by. Declared: {', '.join(self.types)}.")
        if (self.task == "forecast") != (self.series is not None):
            raise ValueError("A forecast needs a `series`, and nothing else has one.")

    @property
    def task(self) -> Task:
        """The label's task."""
        return self.label.task

    @property
    def columns(self) -> dict[str, DType]:
        """Every column that must be in the examples: name -> type."""
        weight: dict[str, DType] = {self.weight: "float32"} if self.weight else {}
        return {f.name: f.dtype for f in self.features} | dict(self.label.columns) | weight

    @property
    def types(self) -> dict[str, DType]:
        """Every column of the examples that is declared, needed or not: name -> type."""
        return {**self.other_columns, **(self.series.other_columns if self.series else {}), **self.columns}

    @property
    def source_columns(self) -> dict[str, DType]:
        """Every column that must be in the CSV: name -> type."""
        return self.series.columns if self.series else self.columns

    @property
    def source_types(self) -> dict[str, DType]:
        """Every column of the CSV that is declared, needed or not: name -> type."""
        return {**self.other_columns, **self.source_columns}

    @property
    def best(self) -> str:
        """The metric by which one checkpoint is better than another."""
        return self.training.best or TASKS[self.task].primary

    @property
    def numeric(self) -> tuple[Numeric, ...]:
        """The features that come out of Transform as standardised floats [batch, 1]."""
        return tuple(f for f in self.features if isinstance(f, Numeric))

    @property
    def categorical(self) -> tuple[Bucketized | Vocabulary | Categorical, ...]:
        """The features that come out of Transform as ids [batch, 1] in [0, cardinality)."""
        return tuple(f for f in self.features if isinstance(f, (Bucketized, Vocabulary, Categorical)))

    @property
    def texts(self) -> tuple[Text, ...]:
        """The features that come out of Transform as ids [batch, length], padded with 0."""
        return tuple(f for f in self.features if isinstance(f, Text))

    @property
    def windows(self) -> tuple[Window, ...]:
        """The features that come out of Transform as floats [batch, length]."""
        return tuple(f for f in self.features if isinstance(f, Window))
