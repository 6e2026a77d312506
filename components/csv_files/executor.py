"""The base class of our ExampleGens' executors. It reads the files and the dataset from the execution properties."""

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

from components.csv_files import custom_config

_Message = TypeVar("_Message")


class CsvFilesExecutor(base_example_gen_executor.BaseExampleGenExecutor):
    """Reads and splits rows in one Beam step. TFX's base class writes the examples.

    Subclasses implement `GenerateExamplesByBeam`.
    """

    def GetInputSourceToExamplePTransform(self) -> beam.PTransform:
        """Not used: `GenerateExamplesByBeam` reads and splits."""
        raise NotImplementedError

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the examples of all input splits."""
        # The driver makes one input split for each span, but TFX's `Do` refuses more than one. So it gets only the first one,
        # and the files of all splits are listed here.
        self._files = _files(exec_properties)
        input_config = _input_config(exec_properties)
        del input_config.splits[1:]
        one_split = {standard_component_specs.INPUT_CONFIG_KEY: proto_utils.proto_to_json(input_config)}
        super().Do(input_dict, output_dict, exec_properties | one_split)
        if utils.SPAN_PROPERTY_NAME in exec_properties:  # Kubeflow 2 has no driver that sets the span of the artifact
            [examples] = output_dict[standard_component_specs.EXAMPLES_KEY]
            examples.set_int_custom_property(utils.SPAN_PROPERTY_NAME, int(exec_properties[utils.SPAN_PROPERTY_NAME]))

    def list_files(self, pipeline: beam.Pipeline) -> beam.PCollection[str]:
        """Returns the paths of the input files, spread over the workers."""
        return pipeline | "List the files" >> beam.Create(self._files) | "Spread the files" >> beam.Reshuffle()


def dataset_name(exec_properties: dict[str, Any]) -> str:
    """Returns the name of the dataset that declares the columns."""
    config = _parse(exec_properties, standard_component_specs.CUSTOM_CONFIG_KEY, example_gen_pb2.CustomConfig())
    return custom_config.decode_dataset(config)


def hash_buckets(exec_properties: dict[str, Any]) -> dict[str, int]:
    """Returns split name -> its share of the rows, in hash buckets."""
    output = _parse(exec_properties, standard_component_specs.OUTPUT_CONFIG_KEY, example_gen_pb2.Output())
    return {split.name: split.hash_buckets for split in output.split_config.splits}


def _files(exec_properties: dict[str, Any]) -> list[str]:
    """Returns the files of all input splits, sorted."""
    base = exec_properties[standard_component_specs.INPUT_BASE_KEY]
    splits = _input_config(exec_properties).splits
    return sorted({file for split in splits for file in fileio.glob(posixpath.join(base, split.pattern))})


def _input_config(exec_properties: dict[str, Any]) -> example_gen_pb2.Input:
    return _parse(exec_properties, standard_component_specs.INPUT_CONFIG_KEY, example_gen_pb2.Input())


def _parse(exec_properties: dict[str, Any], key: str, message: _Message) -> _Message:
    """Reads a property that holds a proto as JSON into `message`."""
    return proto_utils.json_to_proto(exec_properties[key], message)
