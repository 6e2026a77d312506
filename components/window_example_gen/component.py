"""WindowExampleGen: time series in CSV files become windows, split by time."""

from __future__ import annotations

from tfx.dsl.components.base import executor_spec

from components.csv_files.component import CsvFilesExampleGen
from components.window_example_gen import executor


class WindowExampleGen(CsvFilesExampleGen):
    """Turns CSV files with time series into tf.Examples that are windows: a past and the future to predict from it.

    How is declared by the dataset's `data.series.Series`. Rows may stand in any order, in any number of files, of any number
    of series of any length. The splits are by time, not by the hash buckets of the output configuration.

    Component `outputs` contains:
     - `examples`: Channel of type `standard_artifacts.Examples` with the splits 'train' and 'eval'.

    The constructor is that of CsvFilesExampleGen.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)
