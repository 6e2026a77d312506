"""Raw columns: missing values, dense tensors, windows without gaps."""

import numpy as np
import pytest
import tensorflow as tf

from trainer_module.transform import raw_columns

NAN = float("nan")


def column(rows, dtype):
    """A column as TFX parses it: a row may hold no value, one, or several."""
    return tf.RaggedTensor.from_row_lengths(
        tf.constant([value for row in rows for value in row], dtype), [len(row) for row in rows]
    ).to_sparse()


def to_lists(x):
    return tf.RaggedTensor.from_sparse(x).to_list()


def test_a_dense_column_becomes_a_sparse_one_of_all_its_values():
    assert to_lists(raw_columns.sparse(tf.constant([[1, 2], [3, 4]]))) == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("rows", "dtype", "expected"),
    [
        ([[1.5], [], [NAN], [np.inf], [-2]], tf.float32, [[1.5], [], [], [], [-2]]),
        ([["a"], [""], []], tf.string, [[b"a"], [], []]),
        ([[0], [], [-7]], tf.int64, [[0], [], [-7]]),
    ],
    ids=["numbers", "text", "integers"],
)
def test_an_empty_text_and_a_number_that_is_not_finite_are_missing(rows, dtype, expected):
    assert to_lists(raw_columns.present(column(rows, dtype))) == expected


def test_cast_changes_the_type_and_keeps_the_gaps():
    assert to_lists(raw_columns.cast(column([[1], [], [3]], tf.int64), tf.float32)) == [[1.0], [], [3.0]]


def test_a_missing_value_takes_the_default():
    assert raw_columns.dense(column([[1.0], [], [3.0]], tf.float32), -1.0).numpy().tolist() == [[1], [-1], [3]]
    assert raw_columns.dense(column([["a", "b"], ["c"]], tf.string), "?", 2).numpy().tolist() == [[b"a", b"b"], [b"c", b"?"]]


def test_more_values_than_the_width_raise_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError):
        raw_columns.dense(column([[1.0, 2.0]], tf.float32), 0.0, 1)


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ([1, 2, 3], [1, 2, 3]),
        ([1, NAN, 3], [1, 1, 3]),
        ([1, NAN, NAN], [1, 1, 1]),
        ([NAN, 2, NAN], [2, 2, 2]),
        ([NAN, NAN, 3], [3, 3, 3]),
        ([NAN, NAN, NAN], [NAN, NAN, NAN]),
        ([], [NAN, NAN, NAN]),
    ],
)
def test_a_missing_value_of_a_window_is_the_one_before_it_or_else_the_one_after_it(window, expected):
    # The window is between two other rows: no value may come from a neighbour.
    rows = column([[7.0] * 3, window, [9.0] * 3], tf.float32)
    np.testing.assert_array_equal(raw_columns.window(rows, 3), [[7] * 3, expected, [9] * 3])
