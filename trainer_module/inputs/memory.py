"""Training rows from memory, which holds a whole parsed shard: every epoch is a permutation of all its rows."""

from __future__ import annotations

import tensorflow as tf

from trainer_module.inputs import records
from trainer_module.inputs.columns import Columns, Packed
from trainer_module.inputs.order import ENDLESS, Order
from trainer_module.inputs.shards import Share

# Rows gathered at a time, for one or many batches: gathering batches of 40 one by one costs twice as much.
_GATHERED = 4096


def endless(share: Share, columns: Columns, order: Order, rows: int) -> tf.data.Dataset:
    """Returns the rows of a share for ever: (features: name -> [n, ...], label: [n, ...]), n independent of the batch size.

    They are read once, at the start; meanwhile they take twice `rows * columns.row_bytes` bytes.

    Args:
        share: the records.
        columns: the features and the label in them.
        order: the order of the rows.
        rows: number of rows in the share.
    """
    first_epoch, gone = order.start(rows)

    def permutation(epoch: tf.Tensor) -> tf.Tensor:
        return order.shuffle(tf.range(rows, dtype=tf.int64), epoch)[gone * tf.cast(tf.equal(epoch, first_epoch), tf.int64) :]

    def epochs(table: Packed) -> tf.data.Dataset:
        chosen = tf.data.Dataset.range(first_epoch, ENDLESS).map(permutation).rebatch(_GATHERED)
        return chosen.map(
            lambda numbers: columns.unpack({dtype: tf.gather(values, numbers) for dtype, values in table.items()})
        )

    packed = share.blocks().map(columns.pack, num_parallel_calls=records.PARSERS)
    # One element that holds every row. The function captures it: it is neither copied nor part of the graph.
    return packed.rebatch(rows).flat_map(epochs)
