"""What the ExampleGens of this project share: their constructor, their driver, and how they are told their dataset."""

from __future__ import annotations

from google.protobuf import any_pb2, struct_pb2
from tfx.components.example_gen import component
from tfx.proto import example_gen_pb2, range_config_pb2

from components.csv_files import spans


class CsvFilesExampleGen(component.FileBasedExampleGen):
    """An ExampleGen over CSV files whose columns a dataset declares. Subclasses bring the executor."""

    DRIVER_CLASS = spans.Driver

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
            input_config: one split whose pattern names them. It may hold {SPAN} (or {YYYY}, {MM}, {DD}) and {VERSION}.
            output_config: the splits to make, by hash buckets.
            dataset: name of the dataset that declares the columns.
            code: hash of the code that reads.
            range_config: which spans are read, if the pattern has them: the newest one by default, or a rolling or static
                range; of each span its newest version.
        """
        super().__init__(
            input_base=input_base,
            input_config=input_config,
            output_config=output_config,
            custom_config=_pack({"dataset": dataset, "code": code}),
            range_config=range_config,
        )


def _pack(settings: dict[str, str]) -> example_gen_pb2.CustomConfig:
    """Writes settings into the one property that a FileBasedExampleGen has for them."""
    packed = any_pb2.Any()
    packed.Pack(struct_pb2.Struct(fields={key: struct_pb2.Value(string_value=value) for key, value in settings.items()}))
    return example_gen_pb2.CustomConfig(custom_config=packed)


def dataset_in(config: example_gen_pb2.CustomConfig) -> str:
    """Returns the dataset's name from what the constructor has packed."""
    settings = struct_pb2.Struct()
    config.custom_config.Unpack(settings)
    return settings["dataset"]
