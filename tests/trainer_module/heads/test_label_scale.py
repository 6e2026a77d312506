"""The training scale of a label: conversion from the units of the label, and back."""

import numpy as np
import pytest
import tensorflow as tf

from data import BinaryLabel, ForecastLabel, MulticlassLabel, NumericLabel, RatioLabel
from trainer_module.heads import label_scale

PRICE = NumericLabel("price")
SKEWED = NumericLabel("price", log=True)
LEVEL = ForecastLabel("level", inputs=4, width=3)
# The features of three rows.
FEATURES = {
    label_scale.OFFSET: tf.constant([[10.0], [20.0], [-1.0]]),
    label_scale.SCALE: tf.constant([[2.0], [5.0], [0.5]]),
    "other": tf.zeros([3, 1]),
}


def column(*values):
    return tf.constant([[v] for v in values], tf.float32)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        (PRICE, True),
        (SKEWED, True),
        (LEVEL, True),
        (BinaryLabel("ripe"), False),
        (RatioLabel("big", "tips", "fare", 0.2), False),
        (MulticlassLabel("colour", ("red", "green")), False),
    ],
)
def test_numbers_are_scaled_and_classes_are_not(label, expected):
    assert label_scale.is_scaled(label) is expected


def test_every_row_is_scaled_by_its_own_offset_and_scale():
    np.testing.assert_allclose(label_scale.to_training_scale(PRICE, column(12, 10, -1), FEATURES), [[1], [-2], [0]])


def test_the_logarithm_comes_before_the_scale_and_a_negative_amount_counts_as_zero():
    amounts = column(np.expm1(12), np.expm1(10), -3)
    np.testing.assert_allclose(label_scale.to_training_scale(SKEWED, amounts, FEATURES), [[1], [-2], [2]], rtol=1e-6)


def test_all_values_of_a_horizon_are_scaled_by_the_offset_and_scale_of_the_row():
    future = tf.constant([[10.0, 12.0, 8.0], [20.0, 25.0, 30.0], [-1.0, 0.0, 1.0]])
    np.testing.assert_allclose(label_scale.to_training_scale(LEVEL, future, FEATURES), [[0, 1, -1], [0, 1, 2], [0, 2, 4]])


@pytest.mark.parametrize(
    ("label", "values"),
    [
        (PRICE, column(-7, 0, 1e6)),
        (SKEWED, column(0, 3, 25_000)),
        (LEVEL, tf.constant([[1.0, -2.0, 3.0], [0.0, 400.0, 5.0], [7.0, 7.0, 7.0]])),
    ],
    ids=["plain", "logarithm", "forecast"],
)
def test_the_two_directions_are_inverse(label, values):
    scaled = label_scale.to_training_scale(label, values, FEATURES)
    assert not np.allclose(scaled, values)
    np.testing.assert_allclose(label_scale.from_training_scale(label, scaled, FEATURES), values, rtol=1e-4, atol=1e-3)
    back = label_scale.from_training_scale(label, values / 1e3, FEATURES)
    np.testing.assert_allclose(label_scale.to_training_scale(label, back, FEATURES), values / 1e3, rtol=1e-4, atol=1e-4)


def test_a_missing_label_stays_missing():
    assert np.isnan(label_scale.to_training_scale(PRICE, column(np.nan, 1, np.nan), FEATURES)).ravel().tolist() == [
        True,
        False,
        True,
    ]
