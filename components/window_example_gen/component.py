"""WindowExampleGen: cuts time series in CSV files into windows, and splits them by time."""

from __future__ import annotations

from tfx.dsl.components.base import executor_spec

from components.csv_files.component import CsvFilesExampleGen
from components.window_example_gen import executor


class WindowExampleGen(CsvFilesExampleGen):
    """Turns CSV files with time series into tf.Examples, each a window: past values, and the future values to predict.

    The `data.series.Series` of the dataset declares how. Rows may stand in any order, in any number of files, of any number of
    series of any length. The splits are by time: the hash buckets of the output configuration are not used.

    The constructor is that of `components.csv_files.component.CsvFilesExampleGen`:

        WindowExampleGen(input_base, input_config, output_config, dataset="co2", code=hash_of_the_code)

    Component `outputs` contains:
     - `examples`: Channel of type `standard_artifacts.Examples` with the splits 'train' and 'eval'.
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)
