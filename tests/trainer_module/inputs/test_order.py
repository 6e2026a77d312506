"""The order of the rows of a training depends only on files, seed, batch size, shard and step."""

import collections
import itertools
import logging

import numpy as np
import pytest
import tensorflow as tf

from tests.support.input_rows import LABEL, MEMORY, SPEC, STREAM, batches, epochs, ids, split
from trainer_module import inputs
from trainer_module.inputs import Shard, memory
from trainer_module.inputs.order import Order


def test_every_epoch_has_every_row_once_in_another_order(hundred, way, small_steps):
    orders = epochs(ids(batches(hundred, at_most=40, **way)), 100)
    for order in orders:
        assert sorted(order) == list(range(100))
    for one, other in itertools.combinations([list(range(100)), *orders], 2):
        assert one != other


def test_the_same_seed_gives_the_same_order_and_another_seed_another_order(hundred, way, monkeypatch):
    order = ids(batches(hundred, at_most=25, **way))
    assert ids(batches(hundred, at_most=25, seed=2, **way)) != order
    # The shuffle of tf.data would depend on the seed of the graph too.
    monkeypatch.setattr(tf.Graph, "seed", 77)
    assert ids(batches(hundred, at_most=25, **way)) == order


def test_without_a_seed_every_training_has_another_order(hundred):
    assert ids(batches(hundred, at_most=10, seed=None)) != ids(batches(hundred, at_most=10, seed=None))


def test_the_order_of_the_patterns_does_not_matter(hundred, tmp_path, way):
    files = sorted(str(f) for f in tmp_path.glob("examples-*"))
    assert ids(batches([*files[::-1], *hundred], at_most=10, **way)) == ids(batches(hundred, at_most=10, **way))


# A training that continues.


def test_a_training_that_starts_at_step_7_reads_the_batches_that_another_reads_after_step_7(hundred, way):
    whole = batches(hundred, at_most=20, **way)
    continued = batches(hundred, at_most=13, first_step=7, **way)
    for (features, labels), (others, other_labels) in zip(whole[7:], continued, strict=True):
        np.testing.assert_array_equal(features["id"], others["id"])
        np.testing.assert_array_equal(features["weight"], others["weight"])
        np.testing.assert_array_equal(labels, other_labels)


ALONE = Shard(0, 1)


@pytest.mark.parametrize(
    ("sizes", "batch", "step", "shard", "memory_bytes"),
    [
        ((100,), 10, 10, ALONE, STREAM),  # at the end of an epoch
        ((100,), 30, 3, ALONE, MEMORY),  # within a batch with rows of two epochs
        ((100,), 30, 3, ALONE, STREAM),
        ((33, 1, 0, 50), 16, 20, ALONE, STREAM),  # in the fifth epoch, at the start of a block
        ((3,), 10, 2, ALONE, MEMORY),  # a batch has rows of four epochs
        ((3,), 10, 2, ALONE, STREAM),
        ((30, 30, 31, 31), 7, 9, Shard(1, 2), STREAM),  # a shard of files
        ((50, 11), 7, 9, Shard(2, 3), MEMORY),  # a shard of records
        ((50, 11), 7, 9, Shard(2, 3), STREAM),
    ],
)
def test_a_training_that_is_cut_off_at_any_step_continues_with_the_same_rows(
    tmp_path, small_steps, sizes, batch, step, shard, memory_bytes
):
    patterns, settings = split(tmp_path, *sizes), {"shard": shard, "memory_bytes": memory_bytes}
    whole = batches(patterns, batch, at_most=step + 12, **settings)
    assert ids(batches(patterns, batch, at_most=12, first_step=step, **settings)) == ids(whole[step:])


def test_two_replicas_in_a_process_take_two_batches_a_step(hundred):
    context = tf.distribute.InputContext(num_input_pipelines=3, input_pipeline_id=1, num_replicas_in_sync=6)
    make = inputs.input_fn(hundred, SPEC, LABEL, 10, training=True, seed=1, first_step=7)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        (features, _) = make(context).take(1).get_single_element()
        assert session.run(features["id"]).ravel().tolist() == ids(batches(hundred, at_most=1, first_step=14))


def test_the_log_says_how_many_rows_are_skipped(hundred, caplog):
    with caplog.at_level(logging.INFO, "trainer_module.inputs"):
        batches(hundred, at_most=1, first_step=23, memory_bytes=STREAM)
    assert "in epoch 2: its first 30 rows are skipped" in caplog.text


# The shuffle.


def test_all_orders_are_equally_likely():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        orders = (
            tf.data.Dataset.range(6000).map(lambda epoch: Order(5).shuffle(tf.range(4), epoch)).batch(6000).get_single_element()
        )
        counts = collections.Counter(map(tuple, session.run(orders)))
    assert set(counts) == set(itertools.permutations(range(4)))
    # 250 of each, plus or minus four standard deviations.
    assert min(counts.values()) > 187
    assert max(counts.values()) < 313


def test_every_seed_shard_epoch_and_block_has_another_order():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        orders = [
            Order(seed, shard).shuffle(tf.range(50), tf.constant(epoch, tf.int64), block)
            for seed, shard, epoch, block in itertools.product((-1, 2**70), *[range(2)] * 3)
        ]
        values = session.run(orders)
    assert len({tuple(order) for order in values}) == 2**4


def test_rows_in_memory_are_shuffled_over_the_whole_split(hundred):
    """A batch of half of the rows has about as many from the first half as from the second."""
    first = ids(batches(hundred, 50, at_most=1, memory_bytes=MEMORY))
    assert 15 <= sum(i < 50 for i in first) <= 35


def test_the_number_of_rows_gathered_at_a_time_does_not_change_the_order(hundred, monkeypatch):
    order = ids(batches(hundred, at_most=25))
    monkeypatch.setattr(memory, "GATHERED", 7)
    assert ids(batches(hundred, at_most=25)) == order
