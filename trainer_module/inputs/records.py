"""Serialised records, as they lie in gzipped TFRecord files.

They travel in vectors. One by one, as in TFX, every step on their way costs more than reading them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import tensorflow as tf

# Records that are shuffled, parsed and counted at a time: 4 MB of taxi examples. TFX shuffles as many.
BLOCK = 10_000
# Records taken from one file before the next one's turn: turns of 16 cost twice as much, of 256 as much.
TURN = 64
FILES_AT_ONCE = 8
# Threads that parse, and that read. With as many as AUTOTUNE finds for itself, training on two cores is 10 to 15 % slower: what
# they take, the model does not get.
PARSERS = os.cpu_count() or 1
READERS = max(1, PARSERS // 2)
_COMPRESSION = "GZIP"


def turns(files: tf.Tensor | Sequence[str]) -> tf.data.Dataset:
    """Returns the records of files [n] in vectors [<= TURN], a vector of each file in turn, always in the same order."""
    return tf.data.Dataset.from_tensor_slices(files).interleave(
        lambda file: tf.data.TFRecordDataset(file, _COMPRESSION).batch(TURN),
        cycle_length=FILES_AT_ONCE,
        num_parallel_calls=READERS,
        deterministic=True,  # also where no options say so
    )
