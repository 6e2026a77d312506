"""Reads CSV files as typed Arrow batches, in bounded memory. Errors name file, row and column."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa
from pyarrow import csv as arrow_csv

from components.csv_files import diagnosis, header, labels
from components.csv_files.errors import InputDataError
from components.csv_files.format import ARROW_TYPES, open_file
from data import Dataset, DType

# Bytes of a file that are parsed at a time; a reader holds about this much in memory.
BLOCK_BYTES = 4 << 20


def read(path: str, dataset: Dataset, *, block_bytes: int = BLOCK_BYTES) -> Iterator[pa.RecordBatch]:
    """Reads one file, block by block.

    Args:
        path: a file as `components.csv_files.format` describes it.
        dataset: declares the columns; other columns are read as text.
        block_bytes: bytes of the file that are parsed at once.

    Yields:
        Batches with every column of the file: float32, int64 or string, null where a cell is empty.

    Raises:
        InputDataError: the file cannot be read, or a label is missing or wrong. The message names file, row and column.
    """
    names, types = header.read(path, dataset.source_columns), dataset.source_types
    rows_before = 0
    try:
        for batch in _batches(path, names, types, block_bytes):
            unusable = labels.first_unusable(batch, dataset.label)
            if unusable:
                row = diagnosis.row_number(path, rows_before + unusable.row)
                raise InputDataError(f"{path}, row {row}, column '{unusable.column}': {unusable.problem}")
            rows_before += batch.num_rows
            yield batch
    except pa.ArrowInvalid as error:
        if "Empty CSV file" in str(error):  # a header without a final newline, and no rows
            return
        raise diagnosis.diagnose(path, names, types, error) from None
    except (OSError, EOFError, zlib.error) as error:
        raise diagnosis.diagnose(path, names, types, error) from None


def check_files(path: str, files: Iterable[str], dataset: Dataset, max_bytes: int, *, block_bytes: int = BLOCK_BYTES) -> None:
    """Reads the files of one input only to check them, so that a bad file is reported before any work is done.

    Args:
        path: the input as the user gave it, for messages.
        files: its files.
        dataset: declares the columns.
        max_bytes: number of bytes to check in each file. ExampleGen checks the rest, with the same messages.
        block_bytes: see `read`.

    Raises:
        InputDataError: see `read`; or no file has a row.
    """
    rows = 0
    for file in files:
        bytes_read = 0
        for batch in read(file, dataset, block_bytes=block_bytes):
            rows += batch.num_rows
            bytes_read += block_bytes
            if bytes_read >= max_bytes:
                break
    if not rows:
        raise InputDataError(f"{path} has a header but no rows.")


def _batches(path: str, names: Sequence[str], types: Mapping[str, DType], block_bytes: int) -> Iterator[pa.RecordBatch]:
    with open_file(path) as stream:
        reader = arrow_csv.open_csv(
            stream,
            arrow_csv.ReadOptions(block_size=block_bytes, use_threads=False),
            arrow_csv.ParseOptions(newlines_in_values=True),
            arrow_csv.ConvertOptions(
                column_types={name: ARROW_TYPES[types.get(name, "string")] for name in names},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
        yield from map(_to_float32, reader)


def _to_float32(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [c.cast(pa.float32(), safe=False) if pa.types.is_floating(c.type) else c for c in batch.columns]
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)
