"""The batches that the input function gives to an Estimator."""

import logging

import numpy as np
import tensorflow as tf

from tests.support.input_rows import (
    LABEL,
    ROW_BYTES,
    SPEC,
    batches,
    ids,
    record,
    split,
    write,
)
from trainer_module import inputs
from trainer_module.inputs import records

# Evaluation.


def test_an_evaluation_is_one_pass_with_a_smaller_last_batch(hundred):
    read = batches(hundred, 30, training=False)
    assert [len(labels) for _, labels in read] == [30, 30, 30, 10]
    assert sorted(ids(read)) == list(range(100))


def test_an_evaluation_reads_one_file_in_its_order(tmp_path):
    assert ids(batches(split(tmp_path, 45), training=False)) == list(range(45))


def test_an_evaluation_reads_several_files_in_turns(tmp_path):
    turn = records.TURN
    files = (range(2 * turn + 1), range(2 * turn + 1, 4 * turn + 2), range(4 * turn + 2, 5 * turn + 3))
    order = ids(batches(split(tmp_path, *map(len, files)), training=False))
    assert order[: 3 * turn] == [number for file in files for number in file[:turn]]
    # The rows of one file stay in order.
    for numbers in files:
        assert [i for i in order if i in numbers] == list(numbers)


def test_the_order_of_an_evaluation_is_the_same_every_time(hundred):
    assert ids(batches(hundred, training=False)) == ids(batches(hundred, training=False))


def test_more_files_than_can_be_open_together_are_all_read(tmp_path):
    files = 2 * records.FILES_AT_ONCE + 1
    assert sorted(ids(batches(split(tmp_path, *[2] * files), training=False))) == list(range(2 * files))


# Features and labels.


def test_the_label_is_apart_from_the_features_and_in_the_same_row(hundred, way):
    for features, labels in batches(hundred, at_most=5, **way):
        assert set(features) == {"id", "weight"}
        assert features["id"].dtype == np.int64
        assert features["weight"].dtype == labels.dtype == np.float32
        assert features["id"].shape == features["weight"].shape == labels.shape == (10, 1)
        np.testing.assert_array_equal(features["weight"], features["id"] / 2)
        np.testing.assert_array_equal(labels, features["id"] % 2)


def test_values_of_every_shape_are_read_as_written(tmp_path, way):
    spec = {
        "id": tf.io.FixedLenFeature([], tf.int64),
        "window": tf.io.FixedLenFeature([3], tf.float32),
        "table": tf.io.FixedLenFeature([2, 2], tf.int64),
        LABEL: tf.io.FixedLenFeature([2], tf.float32),
    }
    with tf.io.TFRecordWriter(str(tmp_path / "few.gz"), "GZIP") as out:
        for i in range(5):
            out.write(record(id=[i], window=[i, i + 0.5, i + 0.75], table=[i, 1, 2, 3], **{LABEL: [i / 2, i / 4]}))
    [(features, labels)] = batches([str(tmp_path / "few.gz")], 5, at_most=1, spec=spec, **way)
    assert sorted(features["id"]) == [0, 1, 2, 3, 4]
    for i, window, table, label in zip(features["id"], features["window"], features["table"], labels, strict=True):
        assert list(window) == [i, i + 0.5, i + 0.75]
        assert table.tolist() == [[i, 1], [2, 3]]
        assert list(label) == [i / 2, i / 4]


def test_the_batches_of_a_training_have_a_static_size(hundred, way):
    make = inputs.input_fn(hundred, SPEC, LABEL, 10, training=True, seed=1, **way)
    with tf.Graph().as_default():
        features, labels = make().element_spec
    assert labels.shape == features["id"].shape == features["weight"].shape == (10, 1)


def test_a_training_reads_whole_batches_without_end(hundred, way):
    read = batches(hundred, 30, at_most=12, **way)
    assert [len(labels) for _, labels in read] == [30] * 12
    # A batch may hold rows of two epochs: the last ten rows of the first epoch are in the fourth batch and are not dropped.
    assert sorted(ids(read)[:100]) == list(range(100))


def test_a_batch_larger_than_the_split_is_filled_from_several_epochs(tmp_path, way):
    [(features, _)] = batches(split(tmp_path, 4), at_most=1, **way)
    assert sorted(np.bincount(features["id"].ravel())) == [2, 2, 3, 3]


# Rows in memory or streamed from files.


def log_of(caplog, patterns, **settings):
    with caplog.at_level(logging.INFO, "trainer_module.inputs"):
        caplog.clear()
        batches(patterns, at_most=1, **settings)
    return caplog.text


def test_rows_that_fit_are_read_into_memory_and_more_rows_are_streamed(hundred, caplog):
    assert "100 training rows, 0.0 MB, are read into memory" in log_of(caplog, hundred, memory_bytes=100 * ROW_BYTES)
    assert "streamed" in log_of(caplog, hundred, memory_bytes=100 * ROW_BYTES - 1)
    assert "memory" in log_of(caplog, hundred)


def test_the_rows_of_files_larger_than_the_memory_limit_are_not_counted(hundred, monkeypatch):
    monkeypatch.setattr(inputs.files, "count", None)
    assert len(batches(hundred, at_most=20, memory_bytes=100)) == 20


def test_an_evaluation_does_not_count_rows_first(hundred, monkeypatch):
    monkeypatch.setattr(inputs.files, "count", None)
    assert len(batches(hundred, training=False)) == 10


def test_strings_are_streamed(tmp_path, caplog):
    with tf.io.TFRecordWriter(str(tmp_path / "words.gz"), "GZIP") as out:
        for word in (b"a", b"bb", b"ccc"):
            out.write(record(word=[word], **{LABEL: [0.0]}))
    spec = {"word": tf.io.FixedLenFeature([1], tf.string), LABEL: SPEC[LABEL]}
    assert "they have strings" in log_of(caplog, [str(tmp_path / "words.gz")], spec=spec)
    [(features, _)] = batches([str(tmp_path / "words.gz")], 3, at_most=1, spec=spec)
    assert sorted(features["word"].ravel()) == [b"a", b"bb", b"ccc"]


def test_the_graph_does_not_grow_with_the_rows(tmp_path, way):
    sizes = []
    for rows in (10, 5000):
        write(tmp_path / "rows.gz", range(rows))
        with tf.Graph().as_default() as graph:
            inputs.input_fn([str(tmp_path / "rows.gz")], SPEC, LABEL, 10, training=True, seed=1, **way)()
            sizes.append(graph.as_graph_def().ByteSize())
    assert abs(sizes[1] - sizes[0]) < 100
