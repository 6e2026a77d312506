"""From the units of a label to the scale that models train on, and back."""

import numpy as np
import pytest
import tensorflow as tf

from data import BinaryLabel, ForecastLabel, MulticlassLabel, NumericLabel, RatioLabel
from trainer_module.heads import label_scale

PRICE = NumericLabel("price")
SKEWED = NumericLabel("price", log=True)
LEVEL = ForecastLabel("level", inputs=4, width=3)
# Of three rows.
FEATURES = {
    label_scale.OFFSET: tf.constant([[10.0], [20.0], [-1.0]]),
    label_scale.SCALE: tf.constant([[2.0], [5.0], [0.5]]),
    "other": tf.zeros([3, 1]),
}


def column(*values):
    return tf.constant([[v] for v in values], tf.float32)


@pytest.mark.parametrize(
    ("label", "has"),
    [
        (PRICE, True),
        (SKEWED, True),
        (LEVEL, True),
        (BinaryLabel("ripe"), False),
        (RatioLabel("big", "tips", "fare", 0.2), False),
        (MulticlassLabel("colour", ("red", "green")), False),
    ],
)
def test_numbers_have_units_and_classes_have_none(label, has):
    assert label_scale.has_units(label) is has


def test_every_row_is_standardised_by_its_own_offset_and_scale():
    np.testing.assert_allclose(label_scale.standardise(PRICE, column(12, 10, -1), FEATURES), [[1], [-2], [0]])


def test_the_logarithm_comes_before_the_scale_and_a_negative_amount_counts_as_nothing():
    amounts = column(np.expm1(12), np.expm1(10), -3)
    np.testing.assert_allclose(label_scale.standardise(SKEWED, amounts, FEATURES), [[1], [-2], [2]], rtol=1e-6)


def test_a_horizon_is_standardised_by_one_offset_and_scale_a_row():
    future = tf.constant([[10.0, 12.0, 8.0], [20.0, 25.0, 30.0], [-1.0, 0.0, 1.0]])
    np.testing.assert_allclose(label_scale.standardise(LEVEL, future, FEATURES), [[0, 1, -1], [0, 1, 2], [0, 2, 4]])


@pytest.mark.parametrize(
    ("label", "values"),
    [
        (PRICE, column(-7, 0, 1e6)),
        (SKEWED, column(0, 3, 25_000)),
        (LEVEL, tf.constant([[1.0, -2.0, 3.0], [0.0, 400.0, 5.0], [7.0, 7.0, 7.0]])),
    ],
    ids=["plain", "logarithm", "forecast"],
)
def test_restoring_is_the_inverse_of_standardising(label, values):
    there = label_scale.standardise(label, values, FEATURES)
    assert not np.allclose(there, values)
    np.testing.assert_allclose(label_scale.restore(label, there, FEATURES), values, rtol=1e-4, atol=1e-3)
    back = label_scale.restore(label, values / 1e3, FEATURES)
    np.testing.assert_allclose(label_scale.standardise(label, back, FEATURES), values / 1e3, rtol=1e-4, atol=1e-4)


def test_a_missing_label_stays_missing():
    assert np.isnan(label_scale.standardise(PRICE, column(np.nan, 1, np.nan), FEATURES)).ravel().tolist() == [True, False, True]
