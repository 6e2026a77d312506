"""input_fn: a training's or an evaluation's batches from the examples that Transform has materialised."""

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

# Parsed rows that are kept in memory: nine million of the taxi dataset's. Loading takes twice as much for a moment.
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

    A training's rows come from memory if they fit there, from the files if not. What comes at a step depends on
    the files, the arguments and the step alone: a training that is cut off and continued sees what it would have seen. Its
    batches are all whole: epochs follow each other without a gap, so that any number of rows will do. An evaluation is one
    pass in order, from the files; its last batch may be smaller.

    Args:
        file_patterns: as in `FnArgs.train_files`.
        spec: name -> what is to be parsed, as `TFTransformOutput.transformed_feature_spec()` says.
        label: name of the transformed label, split off the features.
        batch_size: rows a batch.
        training: shuffle, and repeat for ever.
        seed: of the shuffle; None takes another one every time.
        first_step: the global step to begin with. Under a strategy, each replica of this process takes a batch a step.
        shard: this worker's part of the rows, see `shards.share`.
        memory_bytes: what the parsed rows may take.

    Returns:
        A function to be called by the Estimator, in its graph, that returns a dataset of
        (features: name -> [batch, ...], label: [batch, ...]). A strategy hands its InputContext to it.

    Raises (when that function is called):
        FileNotFoundError: no file matches.
        trainer_module.inputs.files.NoRecordsError: there are no rows, or fewer than shards.
        trainer_module.inputs.files.DamagedFileError: a file cannot be read, as far as has been tried.
    """
    columns = Columns(spec, label)

    @tf.autograph.experimental.do_not_convert  # there is nothing to convert; looking for it takes longer than all the rest
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
    """Returns a training's rows from where they are to come from. Counts them only if they may fit."""
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
    """Returns how many replicas this process feeds; without a strategy there is no context."""
    return input_context.num_replicas_in_sync // input_context.num_input_pipelines if input_context else 1


def _options() -> tf.data.Options:
    options = tf.data.Options()
    options.deterministic = True
    # Strategies would read every other file, or every other row, of what is already this worker's share.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return options
