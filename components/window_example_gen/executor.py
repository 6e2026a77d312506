"""Cuts time series into windows on Beam."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import apache_beam as beam
from absl import logging
from apache_beam.metrics.metric import Metrics, MetricsFilter
from tfx import types

from components.csv_files import executor
from components.window_example_gen import blocks, logic, windows
from data import EVAL_SPLIT, TRAIN_SPLIT, discovery

_COUNTERS = "window_example_gen"


class Executor(executor.CsvFilesExecutor):
    """Reads the rows, cuts them into windows, and splits the windows by time."""

    # Series -> number of steps of a block. Tests replace it to get many small blocks.
    block_steps = staticmethod(blocks.block_steps)

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the examples, and logs how many windows were made, and how many were dropped for which reason."""
        super().Do(input_dict, output_dict, exec_properties)
        with contextlib.suppress(NotImplementedError):  # some Beam runners have no metrics
            counters = self._pipeline.result.metrics().query(MetricsFilter().with_namespace(_COUNTERS))["counters"]
            counts = {c.key.metric.name: c.result for c in counters}
            logging.info("Windows: %s.", ", ".join(f"{name}={n}" for name, n in sorted(counts.items())))

    def GenerateExamplesByBeam(
        self, pipeline: beam.Pipeline, exec_properties: dict[str, Any]
    ) -> dict[str, beam.PCollection[bytes]]:
        """Returns split name -> serialised tf.Examples."""
        self._pipeline = pipeline
        dataset_name = executor.dataset_name(exec_properties)
        series = logic.series_of(discovery.dataset(dataset_name))
        size = self.block_steps(series)
        read = beam.ParDo(_ReadBlocks(dataset_name, size)).with_output_types(tuple[tuple[str, int], bytes])
        parts = self.list_files(pipeline) | "Read into blocks" >> read
        time_range = (
            parts
            | "Drop the keys" >> beam.Values()
            | "Find the time range of parts" >> beam.Map(partial(blocks.extent, series=series))
            | "Find the time range" >> beam.CombineGlobally(blocks.union)
        )
        cut = beam.ParDo(_CutBlock(dataset_name, size), beam.pvalue.AsSingleton(time_range))
        splits = parts | "Gather blocks" >> beam.GroupByKey() | "Cut into windows" >> cut.with_outputs(TRAIN_SPLIT, EVAL_SPLIT)
        return {split: splits[split] for split in (TRAIN_SPLIT, EVAL_SPLIT)}


class _ReadBlocks(beam.DoFn):
    """Maps the path of a CSV file to parts of blocks. Files are read in parallel."""

    def __init__(self, dataset_name: str, size: int) -> None:
        """`size`: steps of a block."""
        self._dataset_name = dataset_name
        self._size = size
        self._missing = Metrics.counter(_COUNTERS, logic.ROWS_MISSING_VALUE)

    def setup(self) -> None:
        self._dataset = discovery.dataset(self._dataset_name)
        self._series = logic.series_of(self._dataset)

    def process(self, path: str) -> Iterator[tuple[blocks.Key, bytes]]:
        for rows in logic.read(path, self._dataset):
            self._missing.inc(rows.missing_value)
            yield from blocks.divide(rows, self._series, self._size)


class _CutBlock(beam.DoFn):
    """Maps a block to the windows whose origin is in it, as serialised tf.Examples, tagged with their split."""

    def __init__(self, dataset_name: str, size: int) -> None:
        """`size`: steps of a block."""
        self._dataset_name = dataset_name
        self._size = size
        self._counters = {name: Metrics.counter(_COUNTERS, name) for name in windows.COUNTERS}

    def setup(self) -> None:
        self._series = logic.series_of(discovery.dataset(self._dataset_name))

    def process(
        self, block: tuple[blocks.Key, Iterable[bytes]], time_range: blocks.Extent
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        key, parts = block
        counts: Counter[str] = Counter()
        for split, example in logic.examples(key, parts, time_range, self._series, self._size, counts):
            yield beam.pvalue.TaggedOutput(split, example)
        for name, count in counts.items():
            self._counters[name].inc(count)
