"""Sparse gradients of several replicas: a repair of TensorFlow 2.15's, without which strategies fail on most embeddings."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorflow.python.distribute.cross_device_utils import CollectiveReplicaLauncher

_gather = CollectiveReplicaLauncher.all_reduce_indexed_slices


def reduce_in_one_shape() -> None:
    """Has sparse gradients added up in tensors whose shape is the same in every step.

    TensorFlow gathers the rows of all replicas, as many as there were different ids in the batch. In a session, which is what
    an Estimator trains in, a collective operation remembers the shape of the first step and fails in the first one that has
    another: "Shape mismatch in the collective instance". Only where that number is fixed (nothing made ids unique) it works.
    """
    CollectiveReplicaLauncher.all_reduce_indexed_slices = _reduce


def _reduce(launcher: Any, slices: tf.IndexedSlices, options: Any = None) -> tf.IndexedSlices:
    """Returns the sum over all replicas, of the rows that any of them has. In between it has all rows of the variable."""
    if slices.indices.shape.is_fully_defined():
        return _gather(launcher, slices, options)
    with tf.device(launcher._device):
        ones = tf.ones_like(slices.indices, tf.float32)
        counts = launcher.all_reduce(tf.math.unsorted_segment_sum(ones, slices.indices, slices.dense_shape[0]), options=options)
        total = launcher.all_reduce(tf.convert_to_tensor(slices), options=options)
        rows = tf.where(counts > 0)[:, 0]
        return tf.IndexedSlices(tf.gather(total, rows), tf.cast(rows, slices.indices.dtype), slices.dense_shape)
