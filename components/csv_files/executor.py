"""What the executors of this project's ExampleGens share: which files they read, for which dataset."""

from __future__ import annotations

import posixpath
from typing import Any, TypeVar

import apache_beam as beam
from tfx import types
from tfx.components.example_gen import base_example_gen_executor, utils
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs
from tfx.utils import proto_utils

from components.csv_files.component import dataset_in

_Message = TypeVar("_Message")


class CsvFilesExecutor(base_example_gen_executor.BaseExampleGenExecutor):
    """TFX's executor over our own reading and splitting; what it writes, and how, is TFX's."""

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:
        """Not used: reading and splitting are one step here."""
        raise NotImplementedError

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the examples. TFX's `Do` refuses several input splits (see spans.py): it gets to see one of them."""
        self._files = files(exec_properties)
        source = proto(exec_properties, standard_component_specs.INPUT_CONFIG_KEY, example_gen_pb2.Input())
        del source.splits[1:]
        one = {standard_component_specs.INPUT_CONFIG_KEY: proto_utils.proto_to_json(source)}
        super().Do(input_dict, output_dict, exec_properties | one)
        if utils.SPAN_PROPERTY_NAME in exec_properties:  # where no driver has done it: Kubeflow 2
            [examples] = output_dict[standard_component_specs.EXAMPLES_KEY]
            examples.set_int_custom_property(utils.SPAN_PROPERTY_NAME, int(exec_properties[utils.SPAN_PROPERTY_NAME]))


def files(exec_properties: dict[str, Any]) -> list[str]:
    """Returns the files of all input splits."""
    base = exec_properties[standard_component_specs.INPUT_BASE_KEY]
    source = proto(exec_properties, standard_component_specs.INPUT_CONFIG_KEY, example_gen_pb2.Input())
    return sorted({file for split in source.splits for file in fileio.glob(posixpath.join(base, split.pattern))})


def dataset(exec_properties: dict[str, Any]) -> str:
    """Returns the name of the dataset that declares the columns."""
    return dataset_in(proto(exec_properties, standard_component_specs.CUSTOM_CONFIG_KEY, example_gen_pb2.CustomConfig()))


def proto(exec_properties: dict[str, Any], key: str, message: _Message) -> _Message:
    """Returns a property that is a proto in JSON."""
    return proto_utils.json_to_proto(exec_properties[key], message)
