"""The classes that declare a dataset. A file in `data/datasets/` imports them from here:

- `Dataset` is the declaration; `Training` and `AnomalyPolicy` are parts of it;
- features: `Numeric`, `Bucketized`, `Vocabulary`, `Categorical`, `Text`, and `Window` for time series;
- labels: `BinaryLabel`, `RatioLabel`, `MulticlassLabel`, `NumericLabel`, `ForecastLabel`;
- `Series` says how a time series becomes windows;
- `Bound` is a condition on a metric.
"""

from data import renamed
from data.dataset import EVAL_SPLIT, TRAIN_SPLIT, AnomalyPolicy, Dataset
from data.features import Bucketized, Categorical, DType, Feature, Numeric, Tabular, Text, Vocabulary, Window
from data.labels import AnyLabel, BinaryLabel, ForecastLabel, MulticlassLabel, NumericLabel, RatioLabel
from data.series import ORIGIN, SERIES, Series
from data.tasks import TASKS, Bound, Task
from data.training import Training

__all__ = [
    "EVAL_SPLIT",
    "ORIGIN",
    "SERIES",
    "TASKS",
    "TRAIN_SPLIT",
    "AnomalyPolicy",
    "AnyLabel",
    "BinaryLabel",
    "Bound",
    "Bucketized",
    "Categorical",
    "DType",
    "Dataset",
    "Feature",
    "ForecastLabel",
    "MulticlassLabel",
    "Numeric",
    "NumericLabel",
    "RatioLabel",
    "Series",
    "Tabular",
    "Task",
    "Text",
    "Training",
    "Vocabulary",
    "Window",
]


def __getattr__(name: str) -> object:
    renamed.missing_name(name)
