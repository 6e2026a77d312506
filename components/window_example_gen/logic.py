"""Reads time series from CSV files as rows on a grid, and cuts blocks of rows into windows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from tfx_bsl.coders import example_coder

from components.csv_files import diagnosis, reader
from components.csv_files.errors import InputDataError
from components.csv_files.format import MAX_CELL_CHARACTERS
from components.window_example_gen import blocks, times, windows
from components.window_example_gen.blocks import Extent, Key, Rows
from components.window_example_gen.times import Floats
from components.window_example_gen.windows import Cutter, StepRange
from data import Dataset, Series

# Name of a counter, beside those of `windows.COUNTERS`.
ROWS_MISSING_VALUE = "rows_missing_value"

_HINTS = {times.EPOCH_SECONDS: " Are these milliseconds? Divide them by 1000."}


def series_of(dataset: Dataset) -> Series:
    """Returns the series that a dataset declares. Raises ValueError if it declares none."""
    if dataset.series is None:
        raise ValueError(f"WindowExampleGen needs a dataset with a `series`. '{dataset.name}' has none.")
    return dataset.series


def read(path: str, dataset: Dataset, *, block_bytes: int = reader.BLOCK_BYTES) -> Iterator[Rows]:
    """Reads one file, block by block. An empty cell and an infinite number are missing observations.

    Args:
        path: see `components.csv_files.reader.read`.
        dataset: one with a series.
        block_bytes: bytes of the file that are parsed at once.

    Yields:
        The rows of one block.

    Raises:
        InputDataError: the file cannot be read, or a time or an id is missing or wrong. The message names file, row and column.
    """
    series = series_of(dataset)
    rows_before = 0
    for batch in reader.read(path, dataset, block_bytes=block_bytes):
        texts = _column(batch, series.time)
        seconds = times.seconds(texts, series.time_format)
        if seconds.null_count:
            row = _first_null(seconds)
            raise _time_error(path, rows_before + row, texts[row].as_py(), series)
        names, codes = [""], np.zeros(batch.num_rows, np.int64)
        if series.id:
            ids = _column(batch, series.id)
            if ids.null_count:
                raise _id_error(path, rows_before + _first_null(ids), series.id)
            encoded = ids.dictionary_encode()
            names, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)
        yield Rows(names, codes, times.index(seconds.to_numpy(), series), _values(batch, series))
        rows_before += batch.num_rows


def examples(
    key: Key, parts: Iterable[bytes], time_range: Extent, series: Series, size: int, counts: Counter[str]
) -> Iterator[tuple[str, bytes]]:
    """Makes the windows whose origin lies in a block.

    Args:
        key: the block.
        parts: the parts that `blocks.divide` yielded for this block.
        time_range: extent of all series of the input. It decides where the evaluation split begins.
        series: the declaration.
        size: steps of a block.
        counts: the function adds to it how many origins became a window or were dropped, and why.

    Yields:
        The split and a serialised tf.Example: the features and the label of `series`, and its `other_columns`.
    """
    cutter = Cutter(blocks.stretch(key, parts, series, size), series)
    origins_by_split, block_counts = cutter.select(StepRange.of_splits(*time_range, series))
    counts.update(block_counts)
    encoder = example_coder.RecordBatchToExamplesEncoder()
    for split, origins in origins_by_split.items():
        for batch in cutter.batches(origins, key[0]):
            for example in encoder.encode(batch):
                yield split, example


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    return batch.column(batch.schema.get_field_index(name))


def _values(batch: pa.RecordBatch, series: Series) -> Floats:
    """Returns [rows, columns] values; NaN for a missing or infinite value."""
    columns = [_column(batch, c).cast(pa.float64()).to_numpy(zero_copy_only=False) for c in windows.columns(series)]
    values = np.stack(columns, axis=1)
    return np.where(np.isfinite(values), values, np.nan)


def _first_null(column: pa.Array) -> int:
    return int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])


def _time_error(path: str, index: int, text: str | None, series: Series) -> InputDataError:
    cell = f"{path}, row {diagnosis.row_number(path, index)}, column '{series.time}': "
    if text is None:
        return InputDataError(f"{cell}the time is missing. Fill it in, or leave the row out.")
    time_format = f"'{series.time_format}', such as {times.example(series.time_format)}"
    hint = _HINTS.get(series.time_format, "") if text.isdigit() else ""
    return InputDataError(
        f"{cell}'{text[:MAX_CELL_CHARACTERS]}' is not a time in the format {time_format}.{hint} "
        "Correct it, or the `time_format` of the dataset's series."
    )


def _id_error(path: str, index: int, column: str) -> InputDataError:
    return InputDataError(
        f"{path}, row {diagnosis.row_number(path, index)}, column '{column}': the id of the series is missing. "
        "Fill it in, or leave the row out."
    )
