"""The header of a CSV file, checked against the columns that a dataset declares."""

from __future__ import annotations

import csv
import difflib
import zlib
from collections.abc import Iterable

from components.csv_files.errors import InputDataError
from components.csv_files.format import open_file

_OTHER_DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def read(path: str, required: Iterable[str]) -> list[str]:
    """Returns the names of the columns, in the order of the file.

    Args:
        path: the file.
        required: columns that the header must have.

    Raises:
        InputDataError: the header cannot be read, a required column is missing, or a column appears twice.
    """
    names = _parse(path, _first_line(path))
    missing = [name for name in required if name not in names]
    if missing:
        raise InputDataError(f"{path}, row 1: {_why_missing(names, missing)}")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InputDataError(f"{path}, row 1: the column '{repeated[0]}' appears twice. Rename or remove one of them.")
    return names


def _first_line(path: str) -> bytes:
    try:
        with open_file(path) as stream:
            line = stream.readline()
    except (OSError, EOFError, zlib.error) as error:
        raise InputDataError(f"{path} cannot be read: {error}.") from None
    if not line:
        raise InputDataError(f"{path} is empty: it has no header.")
    if not line.strip():
        raise InputDataError(f"{path}, row 1: the line is blank. The first line must be the header.")
    return line


def _parse(path: str, line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode("utf-8-sig")]))
    except UnicodeDecodeError:
        raise InputDataError(f"{path}, row 1: the header is not UTF-8. Save the file as UTF-8.") from None
    except csv.Error as error:
        raise InputDataError(f"{path}, row 1: the header is not a line of CSV: {error}.") from None


def _why_missing(names: list[str], missing: list[str]) -> str:
    for delimiter, plural in _OTHER_DELIMITERS.items():
        if len(names) == 1 and delimiter in names[0]:
            return f"the columns are separated by {plural}. Separate them by commas."
    similar = difflib.get_close_matches(missing[0], names, n=1)
    hint = f" Is it '{similar[0]}', under another name?" if similar else ""
    quoted = ", ".join(f"'{name}'" for name in missing)
    subject = f"the columns {quoted} are" if len(missing) > 1 else f"the column {quoted} is"
    return f"{subject} missing.{hint} The header has: {', '.join(names)}."
