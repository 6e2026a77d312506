"""The files of a split: which they are, how large, and how many records they hold."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import tensorflow as tf

from trainer_module.inputs import records

# Files that are looked into at the same time: on a remote file system every look is a round trip.
_LOOKS_AT_ONCE = 16


class NoRecordsError(ValueError):
    """Files without a record, or with too few to share."""


class DamagedFileError(RuntimeError):
    """A file that is not a whole gzipped TFRecord file."""

    def __init__(self, file: str) -> None:
        super().__init__(f"{file} is not a whole gzipped TFRecord file. Remove it and run Transform again.")


def find(patterns: Sequence[str]) -> list[str]:
    """Returns the files that match, sorted by name.

    Raises:
        FileNotFoundError: there is none.
    """
    found = sorted({path for pattern in patterns for path in tf.io.gfile.glob(pattern)})
    if not found:
        raise FileNotFoundError(f"No transformed examples match {', '.join(patterns)}.")
    return found


def stored_bytes(files: Sequence[str]) -> int:
    """Returns how many bytes files take where they lie, compressed."""
    return sum(tf.io.gfile.stat(file).length for file in files)


def with_records(files: Sequence[str]) -> list[str]:
    """Returns those of the files that hold a record; Beam writes some without.

    Raises:
        NoRecordsError: none does.
        DamagedFileError: one of them is not even gzipped.
    """
    with ThreadPoolExecutor(_LOOKS_AT_ONCE) as pool:
        found = [file for file, holds in zip(files, pool.map(_holds_record, files), strict=True) if holds]
    if not found:
        raise NoRecordsError(f"There are no rows in {', '.join(files)}. Give the split more data, or a larger share of it.")
    return found


def _holds_record(file: str) -> bool:
    try:
        with tf.io.gfile.GFile(file, "rb") as stored, gzip.open(stored) as plain:
            return bool(plain.read(1))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DamagedFileError(file) from error


def count(files: Sequence[str], at_most: int | None = None) -> int:
    """Returns the number of records. Reads them all, about 1 µs each, and parses none.

    Args:
        files: where they are.
        at_most: beyond it counting may end early, with some number that is larger.

    Raises:
        DamagedFileError: one of them cannot be read.
    """
    # A graph of its own: the caller may be building another.
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        paths = tf.compat.v1.placeholder(tf.string, [None])
        blocks = records.turns(paths).rebatch(records.BLOCK)
        blocks = blocks.take(-1 if at_most is None else at_most // records.BLOCK + 1)
        counted = blocks.reduce(tf.constant(0, tf.int64), lambda n, block: n + tf.size(block, tf.int64))
        try:
            return int(session.run(counted, {paths: files}))
        except tf.errors.DataLossError as error:
            if len(files) == 1:
                raise DamagedFileError(files[0]) from error
            for file in files:  # one of these says which it is
                count([file], at_most)
            raise
