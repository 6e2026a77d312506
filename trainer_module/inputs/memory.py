"""Reads training rows from memory, which holds the whole parsed shard. Each epoch is a permutation of all its rows."""

from __future__ import annotations

import tensorflow as tf

from trainer_module.inputs import records
from trainer_module.inputs.columns import Columns, Packed
from trainer_module.inputs.order import ENDLESS, Order
from trainer_module.inputs.shards import Share

# Number of rows that are gathered at a time, whatever the batch size: gathering each batch of 40 alone costs twice as much.
GATHERED = 4096


def endless(share: Share, columns: Columns, order: Order, rows: int) -> tf.data.Dataset:
    """Returns the rows of a share for ever: (features: name -> [n, ...], label: [n, ...]), n independent of the batch size.

    The rows are read once, at the start. During that time they take twice `rows * columns.row_bytes` bytes.

    Args:
        share: the records.
        columns: the features and the label in them.
        order: the order of the rows.
        rows: number of rows in the share.
    """
    first_epoch, rows_done = order.start(rows)

    def permutation(epoch: tf.Tensor) -> tf.Tensor:
        skipped = rows_done * tf.cast(tf.equal(epoch, first_epoch), tf.int64)
        return order.shuffle(tf.range(rows, dtype=tf.int64), epoch)[skipped:]

    def epochs(table: Packed) -> tf.data.Dataset:
        row_numbers = tf.data.Dataset.range(first_epoch, ENDLESS).map(permutation).rebatch(GATHERED)
        return row_numbers.map(
            lambda numbers: columns.unpack({dtype: tf.gather(values, numbers) for dtype, values in table.items()})
        )

    packed = share.blocks().map(columns.pack, num_parallel_calls=records.PARSERS)
    # One element holds all rows. The function captures this element, so the rows are neither copied nor part of the graph.
    return packed.rebatch(rows).flat_map(epochs)
