"""The order of a training's rows: a function of files, seed, batch size, shard and step, and of nothing else."""

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


def test_every_row_comes_once_an_epoch_and_every_epoch_has_an_order_of_its_own(hundred, way, small_steps):
    for epoch in (found := epochs(ids(batches(hundred, at_most=40, **way)), 100)):
        assert sorted(epoch) == list(range(100))
    for one, other in itertools.combinations([list(range(100)), *found], 2):
        assert one != other


def test_the_same_seed_gives_the_same_order_and_another_seed_another(hundred, way, monkeypatch):
    order = ids(batches(hundred, at_most=25, **way))
    assert ids(batches(hundred, at_most=25, seed=2, **way)) != order
    # TensorFlow's own shuffle would depend on the seed of the graph, too.
    monkeypatch.setattr(tf.Graph, "seed", 77)
    assert ids(batches(hundred, at_most=25, **way)) == order


def test_without_a_seed_every_training_has_an_order_of_its_own(hundred):
    assert ids(batches(hundred, at_most=10, seed=None)) != ids(batches(hundred, at_most=10, seed=None))


def test_the_order_of_the_patterns_does_not_matter(hundred, tmp_path, way):
    files = sorted(str(f) for f in tmp_path.glob("examples-*"))
    assert ids(batches([*files[::-1], *hundred], at_most=10, **way)) == ids(batches(hundred, at_most=10, **way))


# Continuing.


def test_a_training_started_at_step_7_sees_what_one_from_the_start_sees_from_step_7_on(hundred, way):
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
        ((100,), 10, 10, ALONE, STREAM),  # where an epoch ends
        ((100,), 30, 3, ALONE, MEMORY),  # in a batch that has rows of two epochs
        ((100,), 30, 3, ALONE, STREAM),
        ((33, 1, 0, 50), 16, 20, ALONE, STREAM),  # in the fifth epoch, where a block begins
        ((3,), 10, 2, ALONE, MEMORY),  # a batch has rows of four epochs
        ((3,), 10, 2, ALONE, STREAM),
        ((30, 30, 31, 31), 7, 9, Shard(1, 2), STREAM),  # a shard of files
        ((50, 11), 7, 9, Shard(2, 3), MEMORY),  # a shard of records
        ((50, 11), 7, 9, Shard(2, 3), STREAM),
    ],
)
def test_a_training_may_be_cut_off_anywhere(tmp_path, small_steps, sizes, batch, step, shard, memory_bytes):
    patterns, settings = split(tmp_path, *sizes), {"shard": shard, "memory_bytes": memory_bytes}
    whole = batches(patterns, batch, at_most=step + 12, **settings)
    assert ids(batches(patterns, batch, at_most=12, first_step=step, **settings)) == ids(whole[step:])


def test_two_replicas_in_a_process_take_two_batches_a_step(hundred):
    context = tf.distribute.InputContext(num_input_pipelines=3, input_pipeline_id=1, num_replicas_in_sync=6)
    make = inputs.input_fn(hundred, SPEC, LABEL, 10, training=True, seed=1, first_step=7)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        (features, _) = make(context).take(1).get_single_element()
        assert session.run(features["id"]).ravel().tolist() == ids(batches(hundred, at_most=1, first_step=14))


def test_what_is_skipped_is_said(hundred, caplog):
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
    # 250 each, give or take four standard deviations.
    assert min(counts.values()) > 187
    assert max(counts.values()) < 313


def test_seeds_shards_epochs_and_blocks_have_orders_of_their_own():
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        orders = [
            Order(seed, shard).shuffle(tf.range(50), tf.constant(epoch, tf.int64), block)
            for seed, shard, epoch, block in itertools.product((-1, 2**70), *[range(2)] * 3)
        ]
        found = session.run(orders)
    assert len({tuple(order) for order in found}) == 2**4


def test_memory_shuffles_far_and_wide(hundred):
    """Of rows that are neighbours in a file, hardly any two are in one batch."""
    first = ids(batches(hundred, 50, at_most=1, memory_bytes=MEMORY))
    assert 15 <= sum(i < 50 for i in first) <= 35


def test_how_many_rows_are_gathered_at_a_time_changes_nothing(hundred, monkeypatch):
    order = ids(batches(hundred, at_most=25))
    monkeypatch.setattr(memory, "_GATHERED", 7)
    assert ids(batches(hundred, at_most=25)) == order
