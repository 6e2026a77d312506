"""CsvExampleGen: a drop-in for TFX's that reads columns by their declared type, in batches."""

from __future__ import annotations

from tfx.dsl.components.base import executor_spec

from components.csv_example_gen import executor
from components.csv_files.component import CsvFilesExampleGen


class CsvExampleGen(CsvFilesExampleGen):
    """Turns CSV files into tf.Examples, split by hash.

    TFX's CsvExampleGen infers every column's type from the values: a file in which all fares happen to be whole dollars
    gets another type than its schema says. It parses row by row in Python, reads no compressed files, and its errors name
    no place. This one reads typed Arrow batches by the dataset's declaration, gzipped files too, with bounded memory, and
    an unreadable cell is reported with file, row and column. An empty cell is a missing value; a column that the dataset
    does not declare is read as text.

    Component `outputs` contains:
     - `examples`: Channel of type `standard_artifacts.Examples` with the splits 'train' and 'eval'.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)
