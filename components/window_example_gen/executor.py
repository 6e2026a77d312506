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

from components.csv_files import executor as csv
from components.window_example_gen import blocks, logic, windows
from data import EVAL_SPLIT, TRAIN_SPLIT, discovery

_COUNTERS = "window_example_gen"


class Executor(csv.CsvFilesExecutor):
    """Reads, cuts into windows and splits by time."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the examples, and a line with what became of the rows to the log."""
        super().Do(input_dict, output_dict, exec_properties)
        with contextlib.suppress(NotImplementedError):  # not every Beam runner tells its metrics
            counters = self._pipeline.result.metrics().query(MetricsFilter().with_namespace(_COUNTERS))["counters"]
            counts = {c.key.metric.name: c.result for c in counters}
            logging.info("Windows: %s.", ", ".join(f"{name}={n}" for name, n in sorted(counts.items())))

    def GenerateExamplesByBeam(
        self, pipeline: beam.Pipeline, exec_properties: dict[str, Any]
    ) -> dict[str, beam.PCollection[bytes]]:
        """Returns split name -> serialised tf.Examples."""
        self._pipeline = pipeline
        name = csv.dataset(exec_properties)
        series = logic.series_of(discovery.dataset(name))
        parts = (
            pipeline
            | "List the files" >> beam.Create(self._files)
            | "Spread the files" >> beam.Reshuffle()
            | "Read into blocks" >> beam.ParDo(_ReadFile(name)).with_output_types(tuple[tuple[str, int], bytes])
        )
        whole = (
            parts
            | "Drop the keys" >> beam.Values()
            | "Find the time range of parts" >> beam.Map(partial(blocks.extent, series=series))
            | "Find the time range" >> beam.CombineGlobally(blocks.union)
        )
        splits = (
            parts
            | "Gather blocks" >> beam.GroupByKey()
            | "Cut into windows"
            >> beam.ParDo(_CutBlock(name), beam.pvalue.AsSingleton(whole)).with_outputs(TRAIN_SPLIT, EVAL_SPLIT)
        )
        return {split: splits[split] for split in (TRAIN_SPLIT, EVAL_SPLIT)}


class _ReadFile(beam.DoFn):
    """Path of a CSV file -> parts of blocks. Files are what is read in parallel."""

    def __init__(self, dataset: str) -> None:
        self._dataset = dataset
        self._missing = Metrics.counter(_COUNTERS, logic.ROWS_MISSING_VALUE)

    def setup(self) -> None:
        self._declared = discovery.dataset(self._dataset)
        self._series = logic.series_of(self._declared)

    def process(self, path: str) -> Iterator[tuple[blocks.Key, bytes]]:
        for rows in logic.read(path, self._declared):
            self._missing.inc(rows.missing_value)
            yield from blocks.divide(rows, self._series, blocks.block_steps(self._series))


class _CutBlock(beam.DoFn):
    """A block -> the windows whose origin lies in it, as serialised tf.Examples, tagged with their split."""

    def __init__(self, dataset: str) -> None:
        self._dataset = dataset
        self._counters = {name: Metrics.counter(_COUNTERS, name) for name in windows.COUNTERS}

    def setup(self) -> None:
        self._series = logic.series_of(discovery.dataset(self._dataset))

    def process(self, block: tuple[blocks.Key, Iterable[bytes]], whole: blocks.Extent) -> Iterator[beam.pvalue.TaggedOutput]:
        counts: Counter[str] = Counter()
        size = blocks.block_steps(self._series)
        for split, example in logic.examples(*block, whole, self._series, size, counts):
            yield beam.pvalue.TaggedOutput(split, example)
        for name, count in counts.items():
            self._counters[name].inc(count)
