"""Raw columns, as TFX parses them from examples: their values that are not missing, and dense tensors of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import tensorflow as tf

Column: TypeAlias = tf.Tensor | tf.SparseTensor

_MISSING_STRING = ""


def sparse(x: Column) -> tf.SparseTensor:
    """Returns a column as a SparseTensor [batch, n]."""
    if isinstance(x, tf.SparseTensor):
        return x
    return tf.SparseTensor(tf.where(tf.ones_like(x, tf.bool)), tf.reshape(x, [-1]), tf.shape(x, out_type=tf.int64))


def present(x: Column) -> tf.SparseTensor:
    """Returns the values that are not missing, as a SparseTensor: finite numbers, text that is not empty."""
    column = sparse(x)
    keep: Callable[[tf.Tensor], tf.Tensor]
    if column.dtype.is_floating:
        keep = tf.math.is_finite
    elif column.dtype == tf.string:
        keep = lambda values: tf.not_equal(values, _MISSING_STRING)  # noqa: E731
    else:
        return column
    return tf.sparse.retain(column, keep(column.values))


def cast(x: tf.SparseTensor, dtype: tf.DType) -> tf.SparseTensor:
    """Converts the values of a column to another type."""
    return tf.SparseTensor(x.indices, tf.cast(x.values, dtype), x.dense_shape)


def dense(x: tf.SparseTensor, default: float | str, width: int = 1) -> tf.Tensor:
    """Returns [batch, width] with `default` for missing values. A row with more than `width` values is an error."""
    column = tf.SparseTensor(x.indices, x.values, tf.stack([x.dense_shape[0], tf.constant(width, tf.int64)]))
    return tf.ensure_shape(tf.sparse.to_dense(column, default_value=tf.constant(default, x.dtype)), [None, width])


def window(x: Column, length: int) -> tf.Tensor:
    """Returns windows float32 [batch, length] without gaps: a missing value takes the value before it.

    At the beginning of a window it takes the value after it. A window without any value is NaN.
    """
    numbers = dense(cast(sparse(x), tf.float32), float("nan"), length)
    is_present = tf.math.is_finite(numbers)
    # This needs no loop. `count` numbers the present values of a row from the left. `values_before` counts the present values
    # of earlier rows. Their sum is the position of a value in the list of all present values.
    count = tf.cumsum(tf.cast(is_present, tf.int64), axis=1)
    values_before = tf.cumsum(count[:, -1:], axis=0, exclusive=True)
    values = tf.concat([tf.boolean_mask(numbers, is_present), [float("nan")]], axis=0)
    nan_index = tf.fill(tf.shape(count), tf.size(values, out_type=tf.int64) - 1)
    indices = tf.where(tf.broadcast_to(count[:, -1:] > 0, tf.shape(count)), values_before + tf.maximum(count - 1, 0), nan_index)
    return tf.ensure_shape(tf.gather(values, indices), [None, length])
