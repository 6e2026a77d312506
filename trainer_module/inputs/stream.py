"""Streams rows from files. Memory holds only a few blocks at a time."""

from __future__ import annotations

import logging

import tensorflow as tf

from trainer_module.inputs import records
from trainer_module.inputs.columns import Columns
from trainer_module.inputs.order import ENDLESS, Order
from trainer_module.inputs.shards import Share

_log = logging.getLogger(__name__)


def once(share: Share, columns: Columns) -> tf.data.Dataset:
    """Returns the rows of a share once, in order: (features: name -> [n, ...], label: [n, ...]), n <= records.BLOCK."""
    return _parsed(share.blocks(), columns)


def endless(share: Share, columns: Columns, order: Order) -> tf.data.Dataset:
    """Returns the rows of a share for ever. Each epoch shuffles the files, and then the rows within each block.

    If `order` starts in the middle of an epoch, the records of that epoch before it are read, but not parsed.
    """
    first_epoch, rows_done = _start(share, order)

    def shuffled(epoch: tf.Tensor) -> tf.data.Dataset:
        skipped = rows_done * tf.cast(tf.equal(epoch, first_epoch), tf.int64)
        # All shards use the same order of files, so in each epoch every record belongs to exactly one shard.
        blocks = share.blocks(order.shuffle_files(tf.constant(share.files), epoch)).enumerate().skip(skipped // records.BLOCK)
        return blocks.map(lambda i, block: order.shuffle(block, epoch, i)[tf.maximum(skipped - i * records.BLOCK, 0) :])

    return _parsed(tf.data.Dataset.range(first_epoch, ENDLESS).flat_map(shuffled), columns)


def _start(share: Share, order: Order) -> tuple[int, int]:
    """Returns the epoch to start with, and how many of its rows to skip."""
    if not order.first_row:
        return 0, 0
    epoch, rows_done = order.start(share.rows())
    _log.info("Continues in epoch %d: its first %d rows are skipped.", epoch, rows_done)
    return epoch, rows_done


def _parsed(blocks: tf.data.Dataset, columns: Columns) -> tf.data.Dataset:
    """Parses whole blocks. With batches of 40, this costs half as much as parsing each batch."""
    return blocks.map(columns.parse, num_parallel_calls=records.PARSERS)
