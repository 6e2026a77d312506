"""The input function: which rows, in which order, in which batches."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from trainer_module import inputs

LABEL = "ripe"


class Transformed:
    """What the input function asks of a tft.TFTransformOutput, without the second that reading a real one takes."""

    def transformed_feature_spec(self):
        return {
            "id": tf.io.FixedLenFeature([1], tf.int64),
            "weight": tf.io.FixedLenFeature([1], tf.float32),
            LABEL: tf.io.FixedLenFeature([1], tf.float32),
        }


def record(number):
    feature = {
        "id": tf.train.Feature(int64_list=tf.train.Int64List(value=[number])),
        "weight": tf.train.Feature(float_list=tf.train.FloatList(value=[number / 2])),
        LABEL: tf.train.Feature(float_list=tf.train.FloatList(value=[number % 2])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def write(file, numbers):
    """Writes a gzipped file of records as Transform does; returns its path."""
    with tf.io.TFRecordWriter(str(file), "GZIP") as out:
        for number in numbers:
            out.write(record(number))
    return str(file)


@pytest.fixture
def hundred(tmp_path):
    """Three files of 40, 40 and 20 rows: the pattern that finds them."""
    for i, numbers in enumerate((range(40), range(40, 80), range(80, 100))):
        write(tmp_path / f"examples-{i}.gz", numbers)
    return [str(tmp_path / "examples-*")]


def batches(patterns, *, batch=10, training=False, seed=None, at_most=None):
    """Takes batches as an Estimator does, in a graph of its own: a list of (features, labels)."""
    make = inputs.input_fn(patterns, Transformed(), LABEL, batch, training=training, seed=seed)
    taken = []
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        following = tf.compat.v1.data.make_one_shot_iterator(make()).get_next()
        while at_most is None or len(taken) < at_most:
            try:
                taken.append(session.run(following))
            except tf.errors.OutOfRangeError:
                break
    return taken


def ids(taken):
    return [int(i) for features, _ in taken for i in features["id"].ravel()]


# Evaluation.


def test_an_evaluation_is_one_pass_with_a_smaller_last_batch(hundred):
    taken = batches(hundred, batch=30)
    assert [len(labels) for _, labels in taken] == [30, 30, 30, 10]
    assert sorted(ids(taken)) == list(range(100))


def test_an_evaluation_reads_one_file_in_its_order(tmp_path):
    file = write(tmp_path / "one.gz", range(45))
    assert ids(batches([file])) == list(range(45))


def test_several_files_take_turns(hundred):
    order = ids(batches(hundred))
    turn = inputs._BLOCK_LENGTH
    assert order[: 3 * turn] == [*range(turn), *range(40, 40 + turn), *range(80, 80 + turn)]
    # Within a file the order stays.
    for numbers in (range(40), range(40, 80), range(80, 100)):
        assert [i for i in order if i in numbers] == list(numbers)


def test_the_order_of_an_evaluation_is_the_same_every_time(hundred):
    assert ids(batches(hundred)) == ids(batches(hundred))


def test_the_order_of_the_patterns_does_not_matter(hundred, tmp_path):
    files = sorted(str(f) for f in tmp_path.glob("examples-*"))
    assert ids(batches(files[::-1])) == ids(batches(hundred))
    assert ids(batches(files[::-1], training=True, seed=1, at_most=10)) == ids(
        batches(hundred, training=True, seed=1, at_most=10)
    )


def test_more_files_than_are_open_at_once_are_all_read(tmp_path):
    for i in range(2 * inputs._FILES_AT_ONCE + 1):
        write(tmp_path / f"many-{i:02}.gz", [2 * i, 2 * i + 1])
    assert sorted(ids(batches([str(tmp_path / "many-*")]))) == list(range(2 * (2 * inputs._FILES_AT_ONCE + 1)))


# Features and labels.


def test_the_label_is_split_off_and_every_row_keeps_its_own(hundred):
    for training in (False, True):
        for features, labels in batches(hundred, training=training, seed=1, at_most=5):
            assert set(features) == {"id", "weight"}
            assert features["id"].dtype == np.int64
            assert features["weight"].dtype == labels.dtype == np.float32
            assert features["id"].shape == features["weight"].shape == labels.shape == (10, 1)
            np.testing.assert_array_equal(features["weight"], features["id"] / 2)
            np.testing.assert_array_equal(labels, features["id"] % 2)


def test_the_batches_of_a_training_have_a_static_size(hundred):
    make = inputs.input_fn(hundred, Transformed(), LABEL, 10, training=True, seed=1)
    with tf.Graph().as_default():
        features, labels = make().element_spec
    assert labels.shape == features["id"].shape == (10, 1)


# Training.


def test_the_same_seed_gives_the_same_order_and_another_seed_another(hundred):
    order = {name: ids(batches(hundred, training=True, seed=s, at_most=25)) for name, s in (("1", 1), ("again", 1), ("2", 2))}
    assert order["1"] == order["again"]
    assert order["1"] != order["2"]
    assert order["1"][:100] != sorted(order["1"][:100])


def test_every_row_comes_once_an_epoch_and_every_epoch_has_an_order_of_its_own(hundred):
    order = ids(batches(hundred, training=True, seed=1, at_most=30))
    epochs = [order[i : i + 100] for i in (0, 100, 200)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(100))
    for one, other in itertools.combinations(epochs, 2):
        assert one != other


def test_a_training_repeats_for_ever_in_full_batches(hundred):
    taken = batches(hundred, batch=30, training=True, seed=1, at_most=12)
    assert [len(labels) for _, labels in taken] == [30] * 12
    # Epochs flow into each other: ten rows left over from the first are in the fourth batch, not dropped.
    assert sorted(ids(taken)[:100]) == list(range(100))


def test_a_batch_larger_than_the_split_is_filled_from_several_epochs(tmp_path):
    file = write(tmp_path / "few.gz", range(4))
    (first,) = batches([file], training=True, seed=1, at_most=1)
    assert sorted(np.bincount(first[0]["id"].ravel())) == [2, 2, 3, 3]


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
def test_an_input_without_rows_ends_at_once(tmp_path, training):
    assert batches([write(tmp_path / "empty.gz", [])], training=training, seed=1) == []


def test_a_pattern_that_finds_no_file_is_named(tmp_path):
    with pytest.raises(Exception, match="nothing-"):
        batches([str(tmp_path / "nothing-*")])
