"""The format of the files: CSV with a header, UTF-8, comma separated; gzipped if the name ends in .gz."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import IO

import pyarrow as pa
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from data import DType

# The patterns of files that a folder is searched for.
PATTERNS = ("*.csv", "*.csv.gz")
# A message quotes at most so many characters of a cell.
MAX_CELL_CHARACTERS = 40
# The type that Arrow parses a declared column as. Numbers are parsed as float64 and then rounded once, to float32.
ARROW_TYPES: Mapping[DType, pa.DataType] = {"float32": pa.float64(), "int64": pa.int64(), "string": pa.string()}


def open_file(path: str) -> IO[bytes]:
    """Opens a file on any file system that Beam knows, decompressed.

    Raises:
        OSError: the file cannot be opened.
    """
    # Beam's own decompression ends a truncated gzip file without an error.
    file = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
    return gzip.open(file, "rb") if path.endswith(".gz") else file
