"""CsvExampleGen: replaces TFX's CsvExampleGen. It reads columns with their declared types, in batches."""

from __future__ import annotations

from tfx.dsl.components.base import executor_spec

from components.csv_example_gen import executor
from components.csv_files.component import CsvFilesExampleGen


class CsvExampleGen(CsvFilesExampleGen):
    """Turns CSV files into tf.Examples, split by hash.

    TFX's CsvExampleGen infers the type of each column from the values: a file in which all fares happen to be whole dollars
    gets another type than its schema says. It parses row by row in Python, it reads no compressed files, and its errors name
    no place. This one reads typed Arrow batches by the declaration of the dataset, gzipped files too, in bounded memory. It
    reports an unreadable cell with file, row and column. An empty cell is a missing value. A column that the dataset does
    not declare is read as text.

    The constructor is that of `components.csv_files.component.CsvFilesExampleGen`:

        CsvExampleGen(input_base, input_config, output_config, dataset="taxi", code=hash_of_the_code)

    Component `outputs` contains:
     - `examples`: Channel of type `standard_artifacts.Examples` with the splits of `output_config`.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)
