"""Reads CSV files on Beam."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any, TypeVar

import apache_beam as beam
from google.protobuf import struct_pb2
from tfx import types
from tfx.components.example_gen import base_example_gen_executor, utils
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs
from tfx.utils import proto_utils
from tfx_bsl.coders import example_coder

from components.csv_example_gen import logic
from data import discovery

_Message = TypeVar("_Message")


class Executor(base_example_gen_executor.BaseExampleGenExecutor):
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
        """Writes the examples. TFX's `Do` refuses several input splits (see driver.py): it gets to see one of them."""
        self._files = files(exec_properties)
        source = _proto(exec_properties, standard_component_specs.INPUT_CONFIG_KEY, example_gen_pb2.Input())
        del source.splits[1:]
        one = {standard_component_specs.INPUT_CONFIG_KEY: proto_utils.proto_to_json(source)}
        super().Do(input_dict, output_dict, exec_properties | one)
        if utils.SPAN_PROPERTY_NAME in exec_properties:  # where no driver has done it: Kubeflow 2
            [examples] = output_dict[standard_component_specs.EXAMPLES_KEY]
            examples.set_int_custom_property(utils.SPAN_PROPERTY_NAME, int(exec_properties[utils.SPAN_PROPERTY_NAME]))

    def GenerateExamplesByBeam(
        self, pipeline: beam.Pipeline, exec_properties: dict[str, Any]
    ) -> dict[str, beam.PCollection[bytes]]:
        """Returns split name -> serialised tf.Examples."""
        target = _proto(exec_properties, standard_component_specs.OUTPUT_CONFIG_KEY, example_gen_pb2.Output())
        buckets = {split.name: split.hash_buckets for split in target.split_config.splits}
        splits = (
            pipeline
            | "List the files" >> beam.Create(self._files)
            | "Spread the files" >> beam.Reshuffle()
            | "Read, split and encode" >> beam.ParDo(_ReadFile(dataset(exec_properties), buckets)).with_outputs(*buckets)
        )
        return {name: splits[name] for name in buckets}


def files(exec_properties: dict[str, Any]) -> list[str]:
    """Returns the files of all input splits."""
    base = exec_properties[standard_component_specs.INPUT_BASE_KEY]
    source = _proto(exec_properties, standard_component_specs.INPUT_CONFIG_KEY, example_gen_pb2.Input())
    return sorted({file for split in source.splits for file in fileio.glob(posixpath.join(base, split.pattern))})


def dataset(exec_properties: dict[str, Any]) -> str:
    """Returns the name of the dataset that declares the columns."""
    config = _proto(exec_properties, standard_component_specs.CUSTOM_CONFIG_KEY, example_gen_pb2.CustomConfig())
    settings = struct_pb2.Struct()
    config.custom_config.Unpack(settings)
    return settings["dataset"]


def _proto(exec_properties: dict[str, Any], key: str, message: _Message) -> _Message:
    return proto_utils.json_to_proto(exec_properties[key], message)


class _ReadFile(beam.DoFn):
    """Path of a CSV file -> serialised tf.Examples, tagged with their split. Files are what runs in parallel."""

    def __init__(self, dataset: str, buckets: dict[str, int]) -> None:
        self._dataset = dataset
        self._buckets = buckets
        self._rows = beam.metrics.Metrics.counter("csv_example_gen", "rows")

    def setup(self) -> None:
        self._declared = discovery.dataset(self._dataset)

    def process(self, path: str) -> Iterator[beam.pvalue.TaggedOutput]:
        encoder = example_coder.RecordBatchToExamplesEncoder()
        for batch in logic.read(path, self._declared):
            self._rows.inc(batch.num_rows)
            splits = logic.split(batch, self._buckets)
            for split, example in zip(splits, encoder.encode(logic.as_lists(batch)), strict=False):
                yield beam.pvalue.TaggedOutput(split, example)
