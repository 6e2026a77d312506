"""The base class of our ExampleGens, with their constructor and their driver."""

from __future__ import annotations

from tfx.components.example_gen import component
from tfx.proto import example_gen_pb2, range_config_pb2

from components.csv_files import custom_config
from components.csv_files.driver import Driver


class CsvFilesExampleGen(component.FileBasedExampleGen):
    """An ExampleGen over CSV files whose columns a dataset declares. Subclasses set EXECUTOR_SPEC.

    Component `outputs` contains:
     - `examples`: Channel of type `standard_artifacts.Examples`.
    """

    DRIVER_CLASS = Driver

    def __init__(
        self,
        input_base: str,
        input_config: example_gen_pb2.Input,
        output_config: example_gen_pb2.Output,
        dataset: str,
        code: str,
        range_config: range_config_pb2.RangeConfig | None = None,
    ) -> None:
        """Constructs the component.

        Args:
            input_base: folder of the files.
            input_config: one split whose pattern names the files. It may have {SPAN} (or {YYYY}, {MM}, {DD}) and {VERSION}.
            output_config: the splits to write, in hash buckets.
            dataset: name of the dataset that declares the columns.
            code: hash of the code that reads.
            range_config: the spans to read if the pattern has spans: a rolling or a static range, by default the newest span.
                The newest version of each span is read.
        """
        super().__init__(
            input_base=input_base,
            input_config=input_config,
            output_config=output_config,
            custom_config=custom_config.encode(dataset, code),
            range_config=range_config,
        )
