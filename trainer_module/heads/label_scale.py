"""Converts labels to the training scale (numbers around 0, whatever the label's units are), and predictions back.

Transform learns an offset and a scale from the training split and writes them beside every row, as two features:

    scaled = (f(label) - offset) / scale        offset [batch, 1], scale [batch, 1]

with f(x) = log(1 + x) if the dataset says `log=True`, else f(x) = x. For a `NumericLabel` the offset is the mean. For a
`ForecastLabel` it is the last known value of the row's window.

Every model sees labels on this scale and predicts on it. `trainer_module.estimators.build` converts the predictions back inside
the graph, so a served model answers in the label's units.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from data import AnyLabel, ForecastLabel, NumericLabel

# Names of the two features.
OFFSET = "target_offset"
SCALE = "target_scale"


def is_scaled(label: AnyLabel) -> bool:
    """Whether models train on another scale than the label's own: true for numbers, false for classes."""
    return isinstance(label, (NumericLabel, ForecastLabel))


def to_training_scale(label: AnyLabel, values: tf.Tensor, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Converts labels [batch, n] from the label's units to the training scale."""
    return (_log(label, values) - features[OFFSET]) / features[SCALE]


def from_training_scale(label: AnyLabel, scaled: tf.Tensor, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Converts predictions [batch, n] from the training scale to the label's units."""
    values = scaled * features[SCALE] + features[OFFSET]
    return tf.math.expm1(values) if _uses_log(label) else values


def _log(label: AnyLabel, values: tf.Tensor) -> tf.Tensor:
    return tf.math.log1p(tf.maximum(values, 0.0)) if _uses_log(label) else values


def _uses_log(label: AnyLabel) -> bool:
    return isinstance(label, NumericLabel) and label.log
