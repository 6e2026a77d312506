"""Reads CSV files on Beam."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from tfx.proto import example_gen_pb2
from tfx.types import standard_component_specs
from tfx_bsl.coders import example_coder

from components.csv_files import executor as csv
from components.csv_files import reader
from data import discovery


class Executor(csv.CsvFilesExecutor):
    """Reads, splits by hash and encodes, one file at a time."""

    def GenerateExamplesByBeam(
        self, pipeline: beam.Pipeline, exec_properties: dict[str, Any]
    ) -> dict[str, beam.PCollection[bytes]]:
        """Returns split name -> serialised tf.Examples."""
        target = csv.proto(exec_properties, standard_component_specs.OUTPUT_CONFIG_KEY, example_gen_pb2.Output())
        buckets = {split.name: split.hash_buckets for split in target.split_config.splits}
        splits = (
            pipeline
            | "List the files" >> beam.Create(self._files)
            | "Spread the files" >> beam.Reshuffle()
            | "Read, split and encode" >> beam.ParDo(_ReadFile(csv.dataset(exec_properties), buckets)).with_outputs(*buckets)
        )
        return {name: splits[name] for name in buckets}


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
        for batch in reader.read(path, self._declared):
            self._rows.inc(batch.num_rows)
            splits = reader.split(batch, self._buckets)
            for split, example in zip(splits, encoder.encode(reader.as_lists(batch)), strict=False):
                yield beam.pvalue.TaggedOutput(split, example)
