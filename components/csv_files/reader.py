"""CSV files as typed Arrow batches; an error says file, row and column."""

from __future__ import annotations

import csv
import difflib
import glob
import gzip
import hashlib
import itertools
import posixpath
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from pyarrow import csv as arrow_csv
from tfx.dsl.io import fileio

from components.csv_files import labels
from data import Dataset, DType

# Bytes of a file that are parsed at once, and so about what a reader holds in memory.
BLOCK_BYTES = 4 << 20
PATTERNS = ("*.csv", "*.csv.gz")

_ARROW = {"float32": pa.float64(), "int64": pa.int64(), "string": pa.string()}
_ALIKE = {"float32": "a number", "int64": "a whole number"}


class InputDataError(ValueError):
    """Data that cannot be read: what, where, and what to do. Stands as text in what Beam raises from a worker."""


def find(path: str) -> tuple[str, str]:
    """Returns (folder, pattern) of a CSV file or of a folder of CSV files, as TFX's ExampleGens take them.

    Raises:
        InputDataError: there is no such file or folder, no CSV file in it, or plain and gzipped ones (no single pattern
            stands for both and for nothing else).
    """
    if not fileio.exists(path):
        raise InputDataError(f"There is no file or folder {path}. `--data` takes a CSV file, or a folder of CSV files.")
    if not fileio.isdir(path):
        return glob.escape(posixpath.dirname(path)) or ".", glob.escape(posixpath.basename(path))
    found = [p for p in PATTERNS if fileio.glob(posixpath.join(glob.escape(path), p))]
    if not found:
        raise InputDataError(f"The folder {path} holds no file named *.csv or *.csv.gz.")
    if len(found) > 1:
        raise InputDataError(f"The folder {path} holds *.csv and *.csv.gz files. Put the one kind or the other elsewhere.")
    return glob.escape(path), found[0]


def check(path: str, dataset: Dataset, at_most_bytes: int) -> None:
    """Reads data without using it, so that what is wrong with it is known before any work is done.

    Args:
        path: a file or a folder.
        dataset: declares the columns.
        at_most_bytes: of each file; more of them is not looked at here (reading it for real meets what is behind).

    Raises:
        InputDataError: as `find` and `read`; or there is not a single row.
    """
    folder, pattern = find(path)
    check_files(path, sorted(fileio.glob(posixpath.join(folder, pattern))), dataset, at_most_bytes)


def check_files(what: str, files: Iterable[str], dataset: Dataset, at_most_bytes: int) -> None:
    """Checks files, one input together: see `check`. `what` names them in a message.

    Raises:
        InputDataError: as `read`; or there is not a single row.
    """
    rows = 0
    for file in files:
        seen = 0
        for batch in read(file, dataset):
            rows += batch.num_rows
            seen += BLOCK_BYTES
            if seen >= at_most_bytes:
                break
    if not rows:
        raise InputDataError(f"{what} has a header but no rows.")


def read(path: str, dataset: Dataset) -> Iterator[pa.RecordBatch]:
    """Reads one file, block by block.

    Args:
        path: a CSV file with a header, UTF-8, comma separated; gzipped if its name ends in .gz.
        dataset: declares the columns; others are read as text.

    Yields:
        Batches with every column of the file: float32, int64 or string; null where the cell is empty.

    Raises:
        InputDataError: with file, row and column; for a label that is missing or none at all, too.
    """
    header, types = _header(path, dataset.source_columns), dataset.source_types
    seen = 0
    try:
        with _open(path) as stream:
            reader = arrow_csv.open_csv(
                stream,
                arrow_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
                arrow_csv.ParseOptions(newlines_in_values=True),
                arrow_csv.ConvertOptions(
                    column_types={name: _ARROW[types.get(name, "string")] for name in header},
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )
            for batch in map(_narrow, reader):
                bad = labels.first_unusable(batch, dataset.label)
                if bad:
                    row, column, why = bad
                    raise InputDataError(f"{path}, row {row_number(path, seen + row)}, column '{column}': {why}")
                seen += batch.num_rows
                yield batch
    except pa.ArrowInvalid as error:
        if "Empty CSV file" in str(error):  # a header without a final newline, and nothing behind it
            return
        raise _diagnose(path, header, types, error) from None
    except (OSError, EOFError, zlib.error) as error:
        raise _diagnose(path, header, types, error) from None


def split(batch: pa.RecordBatch, buckets: Mapping[str, int]) -> list[str]:
    """Assigns every row to a split by a hash of its values: equal rows go together, in every run, on every machine.

    (TFX hashes the serialised tf.Example, whose features stand in another order in every process.)

    Args:
        batch: rows.
        buckets: split name -> its share, in hash buckets.

    Returns:
        The split of each row.
    """
    names = [name for name, n in buckets.items() for _ in range(n)]
    columns = [batch.column(i).cast(pa.string()) for i in _by_name(batch)]
    texts = pc.binary_join_element_wise(*columns, "\x1f", null_handling="replace", null_replacement="")
    hashes = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts.to_pylist())
    return [names[int.from_bytes(h, "big") % len(names)] for h in hashes]


def _by_name(batch: pa.RecordBatch) -> list[int]:
    names = batch.schema.names
    return sorted(range(len(names)), key=names.__getitem__)


def as_lists(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Wraps every value into a list of one, and a null into a null list: what tfx_bsl's encoder takes."""
    return pa.RecordBatch.from_arrays([_as_list(c) for c in batch.columns], batch.schema.names)


def _as_list(column: pa.Array) -> pa.Array:
    valid = column.is_valid()
    present = column.drop_null()
    if pa.types.is_string(present.type):
        present = present.cast(pa.binary())
    ends = pa.array(valid.to_numpy(zero_copy_only=False).cumsum(), pa.int32())
    starts = pa.concat_arrays([pa.array([0], pa.int32()), ends[:-1]]) if len(column) else pa.array([], pa.int32())
    # A null offset makes a null list.
    offsets = pa.array(starts.to_numpy(), pa.int32(), mask=~valid.to_numpy(zero_copy_only=False))
    last = pa.array([len(present)], pa.int32())
    return pa.ListArray.from_arrays(pa.concat_arrays([offsets, last]), present)


def _narrow(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [c.cast(pa.float32(), safe=False) if pa.types.is_floating(c.type) else c for c in batch.columns]
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _open(path: str) -> IO[bytes]:
    # Beam's files are ordinary Python ones, on every file system; it would end a truncated gzip without a word.
    file = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return gzip.open(file, "rb") if path.endswith(".gz") else file


def _header(path: str, columns: Mapping[str, DType]) -> list[str]:
    """Returns the names of a file's columns. Raises InputDataError if one is missing or stands there twice."""
    try:
        with _open(path) as stream:
            line = stream.readline()
    except (OSError, EOFError, zlib.error) as error:
        raise InputDataError(f"{path} cannot be read: {error}.") from None
    if not line:
        raise InputDataError(f"{path} is empty: not even a header.")
    if not line.strip():
        raise InputDataError(f"{path}, row 1: the line is blank. The first line must be the header.")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputDataError(f"{path}, row 1: the header is not UTF-8. Save the file as UTF-8.") from None
    try:
        names = next(csv.reader([text]))
    except csv.Error as error:
        raise InputDataError(f"{path}, row 1: the header is no line of a CSV file: {error}.") from None
    missing = [name for name in columns if name not in names]
    if missing:
        raise InputDataError(_missing(path, names, missing))
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise InputDataError(f"{path}, row 1: the column '{twice[0]}' stands there twice. Rename or remove one of them.")
    return names


def _missing(path: str, names: list[str], missing: list[str]) -> str:
    for delimiter, what in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(names) == 1 and delimiter in names[0]:
            return f"{path}, row 1: the columns are separated by {what}. Separate them by commas."
    near = difflib.get_close_matches(missing[0], names, n=1)
    hint = f" Is it '{near[0]}', under another name?" if near else ""
    listed = ", ".join(f"'{m}'" for m in missing)
    return (
        f"{path}, row 1: the column{'s' * (len(missing) > 1)} {listed} {'are' if len(missing) > 1 else 'is'} missing.{hint} "
        f"The header has: {', '.join(names)}."
    )


def _diagnose(path: str, header: list[str], types: Mapping[str, DType], error: Exception) -> InputDataError:
    """Reads again, slowly, to find the place. Rows count from 1, the header being row 1."""
    row = 0
    try:
        with _open(path) as stream:
            lines = (line.decode("utf-8" if number else "utf-8-sig") for number, line in enumerate(stream))
            for row, cells in enumerate(csv.reader(lines), start=1):
                if row > 1 and cells and len(cells) != len(header):
                    return InputDataError(
                        f"{path}, row {row}: {len(cells)} cells, but the header has {len(header)} columns. "
                        "Is a comma or a quote missing, or unquoted?"
                    )
                for name, cell in zip(header, cells, strict=False):
                    if row > 1 and not _reads_as(cell, types.get(name, "string")):
                        return InputDataError(
                            f"{path}, row {row}, column '{name}': '{cell[:40]}' is not {_ALIKE[types[name]]}. "
                            "Leave a cell empty if its value is missing."
                        )
    except UnicodeDecodeError as bad:
        return InputDataError(
            f"{path}, row {row + 1}: the byte 0x{bad.object[bad.start]:02x} is not UTF-8. Save the file as UTF-8."
        )
    except (EOFError, OSError, zlib.error) as bad:
        return InputDataError(f"{path} is damaged after row {row}: {bad}. Is it truncated? Copy it again.")
    except csv.Error as bad:
        return InputDataError(f"{path}, near row {row + 1}: {bad}.")
    return InputDataError(f"{path} cannot be read: {error}")


def row_number(path: str, index: int) -> int:
    """Returns where the row lies in a file that `read` has yielded as its `index`th, from 0: blank lines are counted."""
    with _open(path) as stream:
        lines = (line.decode("utf-8" if number else "utf-8-sig") for number, line in enumerate(stream))
        filled = (number for number, cells in enumerate(csv.reader(lines), start=1) if cells)
        return next(itertools.islice(filled, index + 1, None))


def _reads_as(cell: str, dtype: str) -> bool:
    """Whether Arrow takes a cell: Python would also read "+5" and "1_000"."""
    if cell == "" or dtype == "string":
        return True
    try:
        pa.array([cell]).cast(_ARROW[dtype])
    except pa.ArrowInvalid:
        return False
    return True
