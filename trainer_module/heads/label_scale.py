"""From the units of a label to the scale that models train on, and back.

Transform learns the scale on the training split and writes it beside every row, as two features:

    standardised = (f(label) - offset) / scale        offset [batch, 1], scale [batch, 1]

with f = log(1 + x) where the dataset says so. For a `NumericLabel` the offset is the mean; for a `ForecastLabel` it is the
window's own last value. A model sees standardised labels and predicts standardised values, whoever wrote it, and
`estimators.build` puts them back: so the two directions stand in the same graph as the model, when it is served too.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from data import AnyLabel, ForecastLabel, NumericLabel

OFFSET = "target_offset"
SCALE = "target_scale"


def has_units(label: AnyLabel) -> bool:
    """Whether models train on a standardised label."""
    return isinstance(label, (NumericLabel, ForecastLabel))


def standardise(label: AnyLabel, values: tf.Tensor, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Returns labels [batch, n] on the scale that models train on."""
    return (_log(label, values) - features[OFFSET]) / features[SCALE]


def restore(label: AnyLabel, standardised: tf.Tensor, features: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Returns predictions [batch, n] in the label's own units."""
    values = standardised * features[SCALE] + features[OFFSET]
    return tf.math.expm1(values) if _is_log(label) else values


def _log(label: AnyLabel, values: tf.Tensor) -> tf.Tensor:
    return tf.math.log1p(tf.maximum(values, 0.0)) if _is_log(label) else values


def _is_log(label: AnyLabel) -> bool:
    return isinstance(label, NumericLabel) and label.log
