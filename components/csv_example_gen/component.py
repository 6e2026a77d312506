"""CsvExampleGen: a drop-in for TFX's that reads columns by their declared type, in batches."""

from __future__ import annotations

from google.protobuf import any_pb2, struct_pb2
from tfx.components.example_gen import component
from tfx.dsl.components.base import executor_spec
from tfx.proto import example_gen_pb2, range_config_pb2

from components.csv_example_gen import driver, executor


class CsvExampleGen(component.FileBasedExampleGen):
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
    DRIVER_CLASS = driver.Driver

    def __init__(
        self,
        input_base: str,
        input_config: example_gen_pb2.Input,
        output_config: example_gen_pb2.Output,
        dataset: str,
        code: str,
        range_config: range_config_pb2.RangeConfig | None = None,
    ) -> None:
        """Constructs a CsvExampleGen.

        Args:
            input_base: folder of the files.
            input_config: one split whose pattern names them. It may hold {SPAN} (or {YYYY}, {MM}, {DD}) and {VERSION}.
            output_config: the splits to make, by hash buckets.
            dataset: name of the dataset that declares the columns.
            code: hash of the code that reads.
            range_config: which spans are read, if the pattern has them: the newest one by default, or a rolling or static
                range; of each span its newest version.
        """
        settings = any_pb2.Any()
        settings.Pack(
            struct_pb2.Struct(
                fields={k: struct_pb2.Value(string_value=v) for k, v in {"dataset": dataset, "code": code}.items()}
            )
        )
        super().__init__(
            input_base=input_base,
            input_config=input_config,
            output_config=output_config,
            custom_config=example_gen_pb2.CustomConfig(custom_config=settings),
            range_config=range_config,
        )
