"""The Transform rules, one for each kind of feature and label. They turn raw columns into the inputs of a model.

Input: raw columns as TFX parses them by the schema, SparseTensor [batch, ?] or Tensor [batch, n].

Output, by name:

- `Numeric`: float32 [batch, 1]; `Window`: float32 [batch, length];
- `Text`: ids int64 [batch, length]; every other kind: ids int64 [batch, 1], from 0 to `cardinality - 1`;
- the label: [batch, 1], or [batch, width] for a `ForecastLabel`;
- for labels that are numbers: the offset and the scale [batch, 1] of `trainer_module.heads.label_scale`;
- the example weight [batch, 1], if the dataset has one.

A value is *missing* if its cell is empty; a float is also missing if it is not finite.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import singledispatch

import tensorflow as tf
import tensorflow_transform as tft

from data import (
    AnyLabel,
    BinaryLabel,
    Bucketized,
    Categorical,
    Dataset,
    Feature,
    ForecastLabel,
    MulticlassLabel,
    Numeric,
    NumericLabel,
    RatioLabel,
    Text,
    Vocabulary,
    Window,
)
from trainer_module.heads import WEIGHT, label_scale
from trainer_module.transform import raw_columns

RawFeatures = Mapping[str, raw_columns.Column]

_ROUNDING = 1e-6


def preprocess(dataset: Dataset, inputs: RawFeatures) -> dict[str, tf.Tensor]:
    """Applies the rules of a dataset. Returns name -> transformed feature or label, [batch, n]."""
    outputs = {feature.name: transform(feature, inputs) for feature in dataset.features}
    outputs |= label(dataset.label, inputs)
    if dataset.weight:
        outputs[WEIGHT] = tf.maximum(
            raw_columns.dense(raw_columns.cast(raw_columns.present(inputs[dataset.weight]), tf.float32), 1.0), 0.0
        )
    return outputs


@singledispatch
def transform(feature: Feature, inputs: RawFeatures) -> tf.Tensor:
    """Returns a transformed feature, [batch, n]."""
    raise NotImplementedError(f"No Transform rule for {type(feature).__name__}: register one in {__name__}.")


@transform.register
def _(feature: Numeric, inputs: RawFeatures) -> tf.Tensor:
    x = raw_columns.present(inputs[feature.name])
    values = tf.math.log1p(tf.maximum(tf.cast(x.values, tf.float32), 0.0)) if feature.log else tf.cast(x.values, tf.float32)
    # Mean and deviation are those of the present values. A missing value then takes the mean, which is 0 after scaling.
    return raw_columns.dense(tf.SparseTensor(x.indices, tft.scale_to_z_score(values), x.dense_shape), 0.0)


@transform.register
def _(feature: Bucketized, inputs: RawFeatures) -> tf.Tensor:
    x = raw_columns.present(inputs[feature.name])
    ids = tft.bucketize(tf.cast(x.values, tf.float32), feature.buckets, name=f"{feature.name}_buckets")
    return raw_columns.dense(tf.SparseTensor(x.indices, ids, x.dense_shape), feature.buckets)


@transform.register
def _(feature: Vocabulary, inputs: RawFeatures) -> tf.Tensor:
    x = raw_columns.present(inputs[feature.name])
    ids = tft.compute_and_apply_vocabulary(
        x, top_k=feature.size, num_oov_buckets=feature.oov, vocab_filename=f"{feature.name}_vocabulary"
    )
    return raw_columns.dense(ids, feature.size + feature.oov)


@transform.register
def _(feature: Categorical, inputs: RawFeatures) -> tf.Tensor:
    x = raw_columns.present(inputs[feature.name])
    ids = tf.cast(x.values, tf.int64)
    ids = tf.where((ids >= 0) & (ids < feature.size), ids, tf.fill(tf.shape(ids), tf.cast(feature.size, tf.int64)))
    return raw_columns.dense(tf.SparseTensor(x.indices, ids, x.dense_shape), feature.size + 1)


@transform.register
def _(feature: Text, inputs: RawFeatures) -> tf.Tensor:
    words = tf.strings.split(_words(tf.squeeze(raw_columns.dense(raw_columns.present(inputs[feature.name]), ""), axis=1)))
    ids = tft.compute_and_apply_vocabulary(
        words[:, : feature.length].to_sparse(),
        top_k=feature.size,
        frequency_threshold=feature.min_frequency,
        num_oov_buckets=feature.oov,
        vocab_filename=f"{feature.name}_vocabulary",
    )
    return raw_columns.dense(tf.SparseTensor(ids.indices, ids.values + 1, ids.dense_shape), 0, feature.length)


def _words(texts: tf.Tensor) -> tf.Tensor:
    """Returns texts [batch] in lower case, with a space between two words."""
    x = tf.strings.lower(texts, encoding="utf-8")
    x = tf.strings.regex_replace(x, r"<(/?[a-z]|[!?])[^<>]*>", " ")  # HTML, not "5 < 6 and 7 > 2"
    # "don't" is one word. Variation selectors, which control how a symbol is drawn, are not part of a word.
    x = tf.strings.regex_replace(x, "['\u2019\ufe0e\ufe0f]", "")
    x = tf.strings.regex_replace(x, r"([^\pL\pM\pN\s])", r" \1 ")
    # Punctuation is not a word, but a symbol such as an emoji is.
    return tf.strings.regex_replace(x, r"[^\pL\pM\pN\p{So}]+", " ")


@transform.register
def _(feature: Window, inputs: RawFeatures) -> tf.Tensor:
    values = raw_columns.window(inputs[feature.name], feature.length)
    if feature.scale == "none":
        return values
    if feature.scale == "standard":
        finite = _finite(values)
        return (values - tft.mean(finite)) / _nonzero(tf.sqrt(tft.var(finite)))
    differences = values - values[:, -1:]
    return differences / _root_mean_square(differences)


def _root_mean_square(x: tf.Tensor) -> tf.Tensor:
    return _nonzero(tf.sqrt(tft.mean(tf.square(_finite(x)))))


def _finite(x: tf.Tensor) -> tf.Tensor:
    """Returns the finite numbers, [n]."""
    return tf.boolean_mask(x, tf.math.is_finite(x))


def _nonzero(scale: tf.Tensor) -> tf.Tensor:
    """Returns the scale, or 1 for a constant, whose scale is 0."""
    return tf.where(scale > 0, scale, tf.ones_like(scale))


@singledispatch
def label(declared: AnyLabel, inputs: RawFeatures) -> dict[str, tf.Tensor]:
    """Returns the label [batch, n] and, if it is scaled for training, its offset and scale [batch, 1]."""
    raise NotImplementedError(f"No Transform rule for {type(declared).__name__}: register one in {__name__}.")


@label.register
def _(declared: BinaryLabel, inputs: RawFeatures) -> dict[str, tf.Tensor]:
    return {declared.name: raw_columns.dense(raw_columns.cast(raw_columns.present(inputs[declared.column]), tf.float32), 0.0)}


@label.register
def _(declared: RatioLabel, inputs: RawFeatures) -> dict[str, tf.Tensor]:
    # A comparison with NaN is false, so the label is 0 if either amount is missing.
    numerator, denominator = (
        raw_columns.dense(raw_columns.cast(raw_columns.present(inputs[name]), tf.float32), float("nan"))
        for name in (declared.numerator, declared.denominator)
    )
    # Amounts are decimal fractions in 32 bits: a ratio that equals the threshold must not exceed it by a rounding error.
    bound = declared.threshold * denominator
    return {declared.name: tf.cast(numerator > bound + _ROUNDING * tf.abs(bound), tf.int64)}


@label.register
def _(declared: MulticlassLabel, inputs: RawFeatures) -> dict[str, tf.Tensor]:
    x = raw_columns.present(inputs[declared.column])
    is_class = tf.equal(x.values[:, tf.newaxis], tf.constant([declared.classes], x.dtype))
    # A value that is not one of the classes becomes -1, which no loss accepts. ExampleGen refuses such rows; a request to a
    # served model may leave the label out.
    ids = tf.where(tf.reduce_any(is_class, axis=1), tf.argmax(is_class, axis=1), -1)
    return {declared.name: raw_columns.dense(tf.SparseTensor(x.indices, ids, x.dense_shape), -1)}


@label.register
def _(declared: NumericLabel, inputs: RawFeatures) -> dict[str, tf.Tensor]:
    x = raw_columns.cast(raw_columns.present(inputs[declared.column]), tf.float32)
    values = tf.math.log1p(tf.maximum(x.values, 0.0)) if declared.log else x.values
    rows = tf.zeros([x.dense_shape[0], 1])
    return {
        declared.name: raw_columns.dense(x, float("nan")),
        label_scale.OFFSET: rows + tft.mean(values),
        label_scale.SCALE: rows + _nonzero(tf.sqrt(tft.var(values))),
    }


@label.register
def _(declared: ForecastLabel, inputs: RawFeatures) -> dict[str, tf.Tensor]:
    future = raw_columns.dense(
        raw_columns.cast(raw_columns.sparse(inputs[declared.name]), tf.float32), float("nan"), declared.width
    )
    last = raw_columns.window(inputs[declared.value], declared.inputs)[:, -1:]
    return {
        declared.name: future,
        label_scale.OFFSET: last,
        label_scale.SCALE: tf.zeros_like(last) + _root_mean_square(future - last),
    }
