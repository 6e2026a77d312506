"""Reads CSV files on Beam."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
from tfx_bsl.coders import example_coder

from components.csv_example_gen import logic
from components.csv_files import executor, reader
from data import discovery


class Executor(executor.CsvFilesExecutor):
    """Reads the rows of each file, splits them by hash, and encodes them."""

    def GenerateExamplesByBeam(
        self, pipeline: beam.Pipeline, exec_properties: dict[str, Any]
    ) -> dict[str, beam.PCollection[bytes]]:
        """Returns split name -> serialised tf.Examples."""
        buckets = executor.hash_buckets(exec_properties)
        read = _ReadExamples(executor.dataset_name(exec_properties), buckets)
        splits = self.list_files(pipeline) | "Read, split and encode" >> beam.ParDo(read).with_outputs(*buckets)
        return {name: splits[name] for name in buckets}


class _ReadExamples(beam.DoFn):
    """Maps the path of a CSV file to serialised tf.Examples, tagged with their split. Files are read in parallel."""

    def __init__(self, dataset_name: str, buckets: dict[str, int]) -> None:
        self._dataset_name = dataset_name
        self._buckets = buckets
        self._rows = beam.metrics.Metrics.counter("csv_example_gen", "rows")

    def setup(self) -> None:
        self._dataset = discovery.dataset(self._dataset_name)

    def process(self, path: str) -> Iterator[beam.pvalue.TaggedOutput]:
        encoder = example_coder.RecordBatchToExamplesEncoder()
        for batch in reader.read(path, self._dataset):
            self._rows.inc(batch.num_rows)
            splits = logic.splits_of(batch, self._buckets)
            for split, example in zip(splits, encoder.encode(logic.as_lists(batch)), strict=True):
                yield beam.pvalue.TaggedOutput(split, example)
