"""Reads serialised examples from gzipped TFRecord files.

Each element of a dataset is a vector of records. With single records, as in TFX, every tf.data operation on them costs more
than reading them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import tensorflow as tf

# Number of records that are shuffled, parsed and counted at a time: 4 MB of taxi examples. TFX shuffles the same number.
BLOCK = 10_000
# Number of records that are read from one file before the next file: 16 costs twice as much, 256 costs the same.
TURN = 64
FILES_AT_ONCE = 8
# Threads that parse, and that read. With AUTOTUNE's numbers, training on two cores is 10 to 15 % slower, because these
# threads take processor time from the model.
PARSERS = os.cpu_count() or 1
READERS = max(1, PARSERS // 2)
_COMPRESSION = "GZIP"


def turns(files: tf.Tensor | Sequence[str]) -> tf.data.Dataset:
    """Returns the records of files [n] in vectors [<= TURN]: one vector from each file in turn, always in the same order."""
    return tf.data.Dataset.from_tensor_slices(files).interleave(
        lambda file: tf.data.TFRecordDataset(file, _COMPRESSION).batch(TURN),
        cycle_length=FILES_AT_ONCE,
        num_parallel_calls=READERS,
        deterministic=True,  # even if the options of the dataset do not say so
    )
