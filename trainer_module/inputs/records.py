"""Serialised records, as they lie in gzipped TFRecord files. In vectors: one by one, they cost twice as much to read."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

# Records that are shuffled, parsed and counted at a time: 4 MB of taxi examples. TFX shuffles as many.
BLOCK = 10_000
# Records taken from one file before the next one's turn. Turns of 16 cost twice as much as those of 64, of 256 as much.
TURN = 64
FILES_AT_ONCE = 8
_COMPRESSION = "GZIP"


def turns(files: tf.Tensor | Sequence[str]) -> tf.data.Dataset:
    """Returns the records of files [n] in vectors [<= TURN], a vector of each file in turn, always in the same order."""
    return tf.data.Dataset.from_tensor_slices(files).interleave(
        lambda file: tf.data.TFRecordDataset(file, _COMPRESSION).batch(TURN),
        cycle_length=FILES_AT_ONCE,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def holds_one(file: tf.Tensor) -> tf.Tensor:
    """Returns whether there is a record in a file."""
    return tf.data.TFRecordDataset(file, _COMPRESSION).take(1).reduce(False, lambda *_: True)
