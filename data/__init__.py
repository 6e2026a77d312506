"""The words in which a dataset is declared. A file in `datasets/` imports them from here."""

from data.columns import DType
from data.dataset import EVAL_SPLIT, TRAIN_SPLIT, AnomalyPolicy, Dataset, Training
from data.features import Bucketized, Categorical, Feature, Numeric, Tabular, Text, Vocabulary, Window
from data.labels import AnyLabel, ClassLabel, Future, Label, RatioLabel, Target
from data.series import ORIGIN, SERIES, Series
from data.tasks import TASKS, Bound, Task

__all__ = [
    "EVAL_SPLIT",
    "ORIGIN",
    "SERIES",
    "TASKS",
    "TRAIN_SPLIT",
    "AnomalyPolicy",
    "AnyLabel",
    "Bound",
    "Bucketized",
    "Categorical",
    "ClassLabel",
    "DType",
    "Dataset",
    "Feature",
    "Future",
    "Label",
    "Numeric",
    "RatioLabel",
    "Series",
    "Tabular",
    "Target",
    "Task",
    "Text",
    "Training",
    "Vocabulary",
    "Window",
]
