"""Finds the files of a split, and determines their size and the number of their records."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import tensorflow as tf

from trainer_module.inputs import records

# Number of files that are opened at the same time: on a remote file system each one costs a round trip.
_OPEN_AT_ONCE = 16
# Bytes that a TFRecord file adds to each record: its length and two checksums.
_FRAME = 16
# A gzipped file ends with its content's size, modulo this.
_SIZE_MODULUS = 2**32
# Bytes decompressed at a time to check that a file is complete.
_PIECE = 2**20


class NoRecordsError(ValueError):
    """The files hold no record, or fewer records than workers."""


class DamagedFileError(RuntimeError):
    """A file is not a complete gzipped TFRecord file."""

    def __init__(self, file: str) -> None:
        super().__init__(f"{file} is not a complete gzipped TFRecord file. Remove it and run Transform again.")


def find(patterns: Sequence[str]) -> list[str]:
    """Returns the files that match, sorted by name.

    Raises:
        FileNotFoundError: no file matches.
    """
    matches = sorted({path for pattern in patterns for path in tf.io.gfile.glob(pattern)})
    if not matches:
        raise FileNotFoundError(f"No transformed examples match {', '.join(patterns)}.")
    return matches


def stored_bytes(files: Sequence[str]) -> int:
    """Returns the total size of files, compressed as they are."""
    return sum(tf.io.gfile.stat(file).length for file in files)


def with_records(files: Sequence[str]) -> list[str]:
    """Returns the files that hold at least one record. (Beam also writes empty files.)

    Raises:
        NoRecordsError: all files are empty.
        DamagedFileError: a file is not gzipped.
    """
    with ThreadPoolExecutor(_OPEN_AT_ONCE) as pool:
        non_empty = [file for file, holds_record in zip(files, pool.map(_holds_record, files), strict=True) if holds_record]
    if not non_empty:
        raise NoRecordsError(f"There are no rows in {', '.join(files)}. Give the split more data, or a larger share of it.")
    return non_empty


def _holds_record(file: str) -> bool:
    try:
        with tf.io.gfile.GFile(file, "rb") as compressed, gzip.open(compressed) as content:
            return bool(content.read(1))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DamagedFileError(file) from error


def count(files: Sequence[str], at_most: int | None = None) -> int:
    """Counts the records by reading all of them without parsing, in about 1 µs each. Also detects damaged files.

    Args:
        files: the files that hold the records.
        at_most: counting may stop above this number; the result is then any larger number.

    Raises:
        DamagedFileError: one of them cannot be read.
    """
    limit = None if at_most is None else at_most // records.BLOCK + 1
    # In a separate graph, because the caller may be building one.
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        paths = tf.compat.v1.placeholder(tf.string, [None])
        blocks = records.turns(paths).rebatch(records.BLOCK).take(-1 if limit is None else limit)
        zero = tf.constant(0, tf.int64)
        read = blocks.reduce(
            (zero, zero),
            lambda sums, block: (
                sums[0] + tf.size(block, tf.int64),
                sums[1] + tf.reduce_sum(tf.cast(tf.strings.length(block), tf.int64) + _FRAME),
            ),
        )
        try:
            counted, size = (int(number) for number in session.run(read, {paths: files}))
        except tf.errors.DataLossError as error:
            if len(files) == 1:
                raise DamagedFileError(files[0]) from error
            for file in files:  # one of these calls raises the error that names the file
                count([file], at_most)
            raise
    if limit is None or counted < limit * records.BLOCK:
        _check_size(files, size)
    return counted


def _check_size(files: Sequence[str], size: int) -> None:
    """Finds a gzipped file that is truncated between two records. TensorFlow reads such a file as if it were complete.

    A split that is too large for memory is not read to its end, so it is not checked here. While training, TensorFlow finds
    all other kinds of truncation.

    Args:
        files: files that were read to their end.
        size: number of decompressed bytes that were read from them.

    Raises:
        DamagedFileError: a file is truncated.
    """
    with ThreadPoolExecutor(_OPEN_AT_ONCE) as pool:
        if (sum(pool.map(_stated_size, files)) - size) % _SIZE_MODULUS == 0:
            return
    for file in files:
        try:
            with tf.io.gfile.GFile(file, "rb") as compressed, gzip.open(compressed) as content:
                while content.read(_PIECE):
                    pass
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DamagedFileError(file) from error


def _stated_size(file: str) -> int:
    """Returns the size of the content that a gzipped file states at its end (RFC 1952); any number if it is truncated."""
    with tf.io.gfile.GFile(file, "rb") as stored:
        stored.seek(max(0, stored.size() - 4))
        return int.from_bytes(stored.read(4), "little")
