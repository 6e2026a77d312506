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
# Bytes of a TFRecord file around each record: its length and two checksums.
_FRAME = 16
# A gzipped file ends with its content's size, modulo this.
_SIZES = 2**32
# Bytes unpacked at a time where only their wholeness matters.
_PIECE = 2**20


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
    """Returns the number of records. Reads them all, about 1 µs each, parses none, and sees whether the files are whole.

    Args:
        files: where they are.
        at_most: beyond it counting may end early, with some number that is larger.

    Raises:
        DamagedFileError: one of them cannot be read.
    """
    limit = None if at_most is None else at_most // records.BLOCK + 1
    # A graph of its own: the caller may be building another.
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
            for file in files:  # one of these says which it is
                count([file], at_most)
            raise
    if limit is None or counted < limit * records.BLOCK:
        _check_size(files, size)
    return counted


def _check_size(files: Sequence[str], size: int) -> None:
    """Finds what TensorFlow does not: it takes a gzipped file that was cut between two records for a whole one.

    A split that is too large for memory is not counted to its end, and so not checked: TensorFlow sees most cuts, in time.

    Args:
        files: all of them were read to their end.
        size: how many bytes came out of them.

    Raises:
        DamagedFileError: one of them is cut.
    """
    with ThreadPoolExecutor(_LOOKS_AT_ONCE) as pool:
        if (sum(pool.map(_promised_size, files)) - size) % _SIZES == 0:
            return
    for file in files:
        try:
            with tf.io.gfile.GFile(file, "rb") as stored, gzip.open(stored) as plain:
                while plain.read(_PIECE):
                    pass
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DamagedFileError(file) from error


def _promised_size(file: str) -> int:
    """Returns the end of a gzipped file, which is the size of its content (RFC 1952, ISIZE; of a cut file: anything)."""
    with tf.io.gfile.GFile(file, "rb") as stored:
        stored.seek(max(0, stored.size() - 4))
        return int.from_bytes(stored.read(4), "little")
