"""Makes the input functions: batches for training and evaluation from the examples that Transform has written."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from trainer_module.inputs import files, memory, shards, stream
from trainer_module.inputs.columns import Columns
from trainer_module.inputs.order import Order
from trainer_module.inputs.shards import WHOLE, Shard, Share

InputFn = Callable[..., tf.data.Dataset]

# Limit for parsed rows in memory: enough for nine million rows of the taxi dataset. Loading takes twice as much for a moment.
MEMORY_BYTES = 2**30

_log = logging.getLogger(__name__)


def input_fn(
    file_patterns: Sequence[str],
    spec: Mapping[str, tf.io.FixedLenFeature],
    label: str,
    batch_size: int,
    *,
    training: bool,
    seed: int | None = None,
    first_step: int = 0,
    shard: Shard = WHOLE,
    memory_bytes: int = MEMORY_BYTES,
) -> InputFn:
    """Returns an Estimator's input function over transformed examples (gzipped TFRecord files).

    Training rows are read from memory if they fit, else from the files. The batch of a step depends only on the files, the
    arguments and the step: an interrupted training that continues sees the same batches as an uninterrupted one. All training
    batches are full, because a batch may contain the end of one epoch and the beginning of the next. An evaluation reads the
    files once, in order; its last batch may be smaller.

    Args:
        file_patterns: as in `FnArgs.train_files`.
        spec: name -> how to parse the feature, as in `TFTransformOutput.transformed_feature_spec()`.
        label: name of the transformed label, which is returned apart from the features.
        batch_size: rows per batch.
        training: whether to shuffle the rows and to repeat them for ever.
        seed: seed of the shuffle; None uses a different seed every time.
        first_step: the global step to begin with. Under a strategy, each replica of this process takes one batch per step.
        shard: this worker's part of the rows, see `shards.share`.
        memory_bytes: limit for the parsed rows in memory.

    Returns:
        A function to be called by the Estimator, in its graph, that returns a dataset of
        (features: name -> [batch, ...], label: [batch, ...]). A strategy hands its InputContext to it.

    Raises (when that function is called):
        FileNotFoundError: no file matches.
        trainer_module.inputs.files.NoRecordsError: there are no rows, or fewer than shards.
        trainer_module.inputs.files.DamagedFileError: one of the files that were read is damaged.
    """
    columns = Columns(spec, label)

    @tf.autograph.experimental.do_not_convert  # nothing to convert; AutoGraph's search takes longer than everything else
    def dataset(replicas: int) -> tf.data.Dataset:
        share = shards.share(files.find(file_patterns), shard)
        if training:
            fixed = random.SystemRandom().getrandbits(63) if seed is None else seed
            rows = _endless(share, columns, Order(fixed, shard.index, first_step * replicas * batch_size), memory_bytes)
        else:
            rows = stream.once(share, columns)
        batches = rows.rebatch(batch_size, drop_remainder=training).prefetch(tf.data.AUTOTUNE)
        return batches.with_options(_options())

    def build(input_context: tf.distribute.InputContext | None = None) -> tf.data.Dataset:
        return dataset(_replicas(input_context))

    return build


def _endless(share: Share, columns: Columns, order: Order, memory_bytes: int) -> tf.data.Dataset:
    """Returns training rows for ever, from memory or from the files. Counts them only if they may fit into memory."""
    stored, row_bytes = share.stored_bytes(), columns.row_bytes
    if row_bytes and stored <= memory_bytes:
        rows = share.rows_that_fit(memory_bytes // row_bytes)
        if rows:
            _log.info("%d training rows, %.1f MB, are read into memory.", rows, rows * row_bytes / 1e6)
            return memory.endless(share, columns, order, rows)
    why = f"do not fit into {memory_bytes / 1e6:.1f} MB" if row_bytes else "have strings"
    _log.info("Training rows are streamed from files of %.1f MB: they %s.", stored / 1e6, why)
    return stream.endless(share, columns, order)


def _replicas(input_context: tf.distribute.InputContext | None) -> int:
    """Returns the number of replicas that get their rows from this process; 1 without a strategy, which means no context."""
    return input_context.num_replicas_in_sync // input_context.num_input_pipelines if input_context else 1


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    # Otherwise a strategy would divide this worker's rows a second time.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return options
