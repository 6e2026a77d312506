"""One Transform rule per feature kind: from raw columns to what a model reads.

Input: raw features as TFX parses them by the schema, SparseTensor [batch, ?] or Tensor [batch, 1].
Output: float32 [batch, 1] for a `Numeric`, int64 [batch, 1] ids in [0, cardinality) for every other kind, and the label
[batch, 1]. A value is *missing* where the column is empty, and a float also where it is not finite.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import singledispatch

import tensorflow as tf
import tensorflow_transform as tft

from data.features import (
    Bucketized,
    Categorical,
    Dataset,
    Feature,
    Label,
    Numeric,
    RatioLabel,
    Vocabulary,
)

RawFeatures = Mapping[str, tf.Tensor | tf.SparseTensor]

_MISSING_STRING = ""
_ROUNDING = 1e-6


def preprocess(dataset: Dataset, inputs: RawFeatures) -> dict[str, tf.Tensor]:
    """Applies a dataset's rules. Returns transformed feature name -> [batch, 1]; the label under `dataset.label.name`."""
    outputs = {feature.name: transform(feature, inputs) for feature in dataset.features}
    outputs[dataset.label.name] = label(dataset.label, inputs)
    return outputs


@singledispatch
def transform(feature: Feature, inputs: RawFeatures) -> tf.Tensor:
    """Returns one transformed feature, [batch, 1]."""
    raise NotImplementedError(f"No Transform rule for {type(feature).__name__}: register one in {__name__}.")


@transform.register
def _(feature: Numeric, inputs: RawFeatures) -> tf.Tensor:
    x = _present(inputs[feature.name])
    values = tf.math.log1p(tf.maximum(tf.cast(x.values, tf.float32), 0.0)) if feature.log else tf.cast(x.values, tf.float32)
    # The moments are those of the values that are there; a missing one then takes the mean, which scaling makes 0.
    return _dense(tf.SparseTensor(x.indices, tft.scale_to_z_score(values), x.dense_shape), 0.0)


@transform.register
def _(feature: Bucketized, inputs: RawFeatures) -> tf.Tensor:
    x = _present(inputs[feature.name])
    ids = tft.bucketize(tf.cast(x.values, tf.float32), feature.buckets, name=f"{feature.name}_buckets")
    return _dense(tf.SparseTensor(x.indices, ids, x.dense_shape), feature.buckets)


@transform.register
def _(feature: Vocabulary, inputs: RawFeatures) -> tf.Tensor:
    x = _present(inputs[feature.name])
    ids = tft.compute_and_apply_vocabulary(
        x, top_k=feature.size, num_oov_buckets=feature.oov, vocab_filename=f"{feature.name}_vocabulary"
    )
    return _dense(ids, feature.size + feature.oov)


@transform.register
def _(feature: Categorical, inputs: RawFeatures) -> tf.Tensor:
    x = _present(inputs[feature.name])
    ids = tf.cast(x.values, tf.int64)
    ids = tf.where((ids >= 0) & (ids < feature.size), ids, tf.fill(tf.shape(ids), tf.cast(feature.size, tf.int64)))
    return _dense(tf.SparseTensor(x.indices, ids, x.dense_shape), feature.size + 1)


@singledispatch
def label(declared: Label | RatioLabel, inputs: RawFeatures) -> tf.Tensor:
    """Returns the label, [batch, 1]."""
    raise NotImplementedError(f"No Transform rule for {type(declared).__name__}: register one in {__name__}.")


@label.register
def _(declared: Label, inputs: RawFeatures) -> tf.Tensor:
    x = _present(inputs[declared.column])
    return _dense(tf.SparseTensor(x.indices, tf.cast(x.values, tf.float32), x.dense_shape), 0.0)


@label.register
def _(declared: RatioLabel, inputs: RawFeatures) -> tf.Tensor:
    # NaN compares false with everything, so a row that lacks either amount is no positive.
    numerator, denominator = (
        _dense(_cast(_present(inputs[name]), tf.float32), float("nan")) for name in (declared.numerator, declared.denominator)
    )
    # Amounts are decimal fractions in 32 bits: a ratio of exactly the threshold must not be above it by a rounding error.
    bound = declared.threshold * denominator
    return tf.cast(numerator > bound + _ROUNDING * tf.abs(bound), tf.int64)


def _present(x: tf.Tensor | tf.SparseTensor) -> tf.SparseTensor:
    """Returns the values that are there, as a SparseTensor."""
    sparse = (
        x
        if isinstance(x, tf.SparseTensor)
        else tf.SparseTensor(tf.where(tf.ones_like(x, tf.bool)), tf.reshape(x, [-1]), tf.shape(x, out_type=tf.int64))
    )
    keep: Callable[[tf.Tensor], tf.Tensor]
    if sparse.dtype.is_floating:
        keep = tf.math.is_finite
    elif sparse.dtype == tf.string:
        keep = lambda values: tf.not_equal(values, _MISSING_STRING)  # noqa: E731
    else:
        return sparse
    return tf.sparse.retain(sparse, keep(sparse.values))


def _cast(x: tf.SparseTensor, dtype: tf.DType) -> tf.SparseTensor:
    return tf.SparseTensor(x.indices, tf.cast(x.values, dtype), x.dense_shape)


def _dense(x: tf.SparseTensor, default: float) -> tf.Tensor:
    """Returns [batch, 1] with `default` where nothing is there."""
    column = tf.SparseTensor(x.indices, x.values, tf.stack([x.dense_shape[0], tf.constant(1, tf.int64)]))
    dense = tf.sparse.to_dense(column, default_value=tf.cast(default, x.dtype))
    return tf.ensure_shape(dense, [None, 1])
