"""Patches a bug of TensorFlow 2.15: with several replicas, sparse gradients fail, and so do most models with embeddings."""

from __future__ import annotations

import tensorflow as tf
from tensorflow.python.distribute.collective_util import Options
from tensorflow.python.distribute.cross_device_utils import CollectiveReplicaLauncher

_original = CollectiveReplicaLauncher.all_reduce_indexed_slices


def patch_all_reduce() -> None:
    """Makes TensorFlow add up sparse gradients in tensors of the same shape in every step.

    TensorFlow gathers the rows of all replicas; their number is the number of different ids in the batch. In a session, where
    an Estimator trains, a collective operation remembers the shape of the first step. It fails in the first step with another
    shape: "Shape mismatch in the collective instance". It works only if the number is fixed (ids that are not made unique).
    """
    CollectiveReplicaLauncher.all_reduce_indexed_slices = _all_reduce


def _all_reduce(
    launcher: CollectiveReplicaLauncher, slices: tf.IndexedSlices, options: Options | None = None
) -> tf.IndexedSlices:
    """Returns the sum over all replicas, for the rows that any replica has. It needs memory for the whole variable."""
    if slices.indices.shape.is_fully_defined():
        return _original(launcher, slices, options)
    with tf.device(launcher._device):
        ones = tf.ones_like(slices.indices, tf.float32)
        counts = launcher.all_reduce(tf.math.unsorted_segment_sum(ones, slices.indices, slices.dense_shape[0]), options=options)
        total = launcher.all_reduce(tf.convert_to_tensor(slices), options=options)
        rows = tf.where(counts > 0)[:, 0]
        return tf.IndexedSlices(tf.gather(total, rows), tf.cast(rows, slices.indices.dtype), slices.dense_shape)
