"""Finds the place of an error in a CSV file. It reads the file a second time, slowly, row by row.

Rows are counted as a person counts them in a spreadsheet: the header is row 1, blank lines count, and a row whose quoted
cells hold newlines counts once.
"""

from __future__ import annotations

import csv
import itertools
import zlib
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from components.csv_files.errors import InputDataError
from components.csv_files.format import ARROW_TYPES, MAX_CELL_CHARACTERS, open_file
from data import DType

_NUMBERS = {"float32": "a number", "int64": "a whole number"}


def diagnose(path: str, header: Sequence[str], types: Mapping[str, DType], error: Exception) -> InputDataError:
    """Returns an error that names the first bad row of a file.

    Args:
        path: the file.
        header: the names of its columns.
        types: column -> declared type; other columns are text.
        error: the error of the fast reader. Its text is used if no bad row is found.
    """
    row = 0
    try:
        for row, cells in _numbered_rows(path):
            problem = _problem(cells, header, types) if row > 1 else None
            if problem:
                return InputDataError(f"{path}, row {row}{problem}")
    except UnicodeDecodeError as bad:
        byte = bad.object[bad.start]
        return InputDataError(f"{path}, row {row + 1}: the byte 0x{byte:02x} is not UTF-8. Save the file as UTF-8.")
    except (EOFError, OSError, zlib.error) as bad:
        return InputDataError(f"{path} is damaged after row {row}: {bad}. Is it truncated? Copy it again.")
    except csv.Error as bad:
        return InputDataError(f"{path}, near row {row + 1}: {bad}.")
    return InputDataError(f"{path} cannot be read: {error}")


def row_number(path: str, index: int) -> int:
    """Returns the number of a data row.

    Args:
        path: the file.
        index: number of the row among those that `reader.read` yields, from 0; blank lines do not count.
    """
    filled = (row for row, cells in _numbered_rows(path) if cells)
    return next(itertools.islice(filled, index + 1, None))  # the header is the first one


def _numbered_rows(path: str) -> Iterator[tuple[int, list[str]]]:
    """Yields row number and cells of every row, the header included; a blank line has no cells."""
    with open_file(path) as stream:
        lines = (line.decode("utf-8" if number else "utf-8-sig") for number, line in enumerate(stream))
        yield from enumerate(csv.reader(lines), start=1)


def _problem(cells: list[str], header: Sequence[str], types: Mapping[str, DType]) -> str | None:
    """Returns the problem of a row, as the text after its number in a message; None if the row is correct."""
    if cells and len(cells) != len(header):
        return f": {len(cells)} cells, but the header has {len(header)} columns. Is a comma or a quote missing, or unquoted?"
    for name, cell in zip(header, cells, strict=False):
        if not _is_readable(cell, types.get(name, "string")):
            return (
                f", column '{name}': '{cell[:MAX_CELL_CHARACTERS]}' is not {_NUMBERS[types[name]]}. "
                "Leave a cell empty if its value is missing."
            )
    return None


def _is_readable(cell: str, dtype: DType) -> bool:
    """Returns whether Arrow can read a cell. Python cannot answer: it also reads "+5" and "1_000"."""
    if cell == "" or dtype == "string":
        return True
    try:
        pa.array([cell]).cast(ARROW_TYPES[dtype])
    except pa.ArrowInvalid:
        return False
    return True
