"""The head of each task: number of logits, predictions, values of the loss."""

import numpy as np
import pytest
import tensorflow as tf

from data import BinaryLabel, Dataset, MulticlassLabel, Numeric, NumericLabel, Series
from trainer_module import heads

SERIES = Series(time="day", value="level", inputs=4, outputs=3)
X = (Numeric("x"),)
DATASETS = {
    "binary_classification": Dataset("ripe", X, BinaryLabel("ripe", dtype="int64"), sample=""),
    "multiclass_classification": Dataset("colour", X, MulticlassLabel("colour", ("red", "green", "blue")), sample=""),
    "regression": Dataset("price", X, NumericLabel("price"), sample=""),
    "forecast": Dataset("level", SERIES.features, SERIES.label, sample="", series=SERIES),
}
LOGITS = {
    "binary_classification": np.array([[0.0], [2.0], [-3.0]], np.float32),
    "multiclass_classification": np.array([[0, 0, 0], [1, 2, 3], [5, -5, 0]], np.float32),
    "regression": np.array([[0.5], [-2.0], [1.0]], np.float32),
    "forecast": np.array([[0, 0, 0], [1, 2, 3], [-1, 0, 1]], np.float32),
}
LABELS = {
    "binary_classification": np.array([[1], [1], [1]], np.int64),
    "multiclass_classification": np.array([[0], [2], [1]], np.int64),
    "regression": np.array([[0.5], [1.0], [-1.0]], np.float32),
    "forecast": np.array([[0, 0, 0], [1, 2, 0], [1, 1, 1]], np.float32),
}
SOFTMAX_1 = np.exp([1, 2, 3]) / np.exp([1, 2, 3]).sum()
SOFTMAX_2 = np.exp([5, -5, 0]) / np.exp([5, -5, 0]).sum()
# Calculated by hand: -log of the probability of the true class; the mean of the squared errors.
LOSSES = {
    "binary_classification": [np.log(2), np.log1p(np.exp(-2)), np.log1p(np.exp(3))],
    "multiclass_classification": [np.log(3), -np.log(SOFTMAX_1[2]), -np.log(SOFTMAX_2[1])],
    "regression": [0, 9, 4],
    "forecast": [0, 3, 5 / 3],
}
WEIGHTS = np.array([[2.0], [0.5], [0.0]], np.float32)
TASKS = list(DATASETS)


def head(task):
    return heads.head(DATASETS[task])


def test_a_head_has_one_logit_per_class_or_per_value_to_predict():
    assert {task: head(task).logits for task in TASKS} == {
        "binary_classification": 1,
        "multiclass_classification": 3,
        "regression": 1,
        "forecast": 3,
    }


@pytest.mark.parametrize(
    ("task", "key", "expected"),
    [
        ("binary_classification", "logistic", [[0.5], [1 / (1 + np.exp(-2))], [1 / (1 + np.exp(3))]]),
        ("multiclass_classification", "probabilities", [[1 / 3] * 3, SOFTMAX_1, SOFTMAX_2]),
        ("regression", "predictions", LOGITS["regression"]),
        ("forecast", "predictions", LOGITS["forecast"]),
    ],
)
def test_predictions_are_the_logits_and_the_output_that_the_metrics_read(task, key, expected):
    predictions = head(task).predictions(tf.constant(LOGITS[task]))
    assert set(predictions) == {"logits", key}
    assert heads.PREDICTION_KEYS[task] == key
    np.testing.assert_array_equal(predictions["logits"], LOGITS[task])
    np.testing.assert_allclose(predictions[key], expected, rtol=1e-6)


@pytest.mark.parametrize("task", TASKS)
def test_the_loss_is_the_mean_over_the_rows(task):
    loss = head(task).loss(tf.constant(LABELS[task]), tf.constant(LOGITS[task]))
    assert loss.shape == ()
    np.testing.assert_allclose(loss, np.mean(LOSSES[task]), rtol=1e-6)


@pytest.mark.parametrize("task", TASKS)
def test_weights_multiply_the_losses_and_the_divisor_stays_the_number_of_rows(task):
    loss = head(task).loss(tf.constant(LABELS[task]), tf.constant(LOGITS[task]), tf.constant(WEIGHTS))
    np.testing.assert_allclose(loss, np.sum(WEIGHTS[:, 0] * LOSSES[task]) / 3, rtol=1e-6)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["no weights", "weights"])
def test_the_keras_loss_equals_the_loss(task, weights):
    task_head = head(task)
    predicted = task_head.predictions(tf.constant(LOGITS[task]))[heads.PREDICTION_KEYS[task]]
    np.testing.assert_allclose(
        task_head.keras_loss(LABELS[task], predicted, sample_weight=None if weights is None else weights[:, 0]),
        task_head.loss(tf.constant(LABELS[task]), tf.constant(LOGITS[task]), weights),
        rtol=1e-4,
    )


@pytest.mark.parametrize("task", TASKS)
def test_a_keras_layer_with_the_activation_gives_the_same_predictions(task):
    layer = tf.keras.layers.Activation(head(task).activation)
    predictions = head(task).predictions(tf.constant(LOGITS[task]))
    np.testing.assert_allclose(layer(LOGITS[task]), predictions[heads.PREDICTION_KEYS[task]], rtol=1e-6)


def test_the_error_for_the_former_name_of_the_prediction_keys_gives_the_present_name():
    with pytest.raises(ImportError) as error:
        exec("from trainer_module.heads import PREDICTED")
    expected = "`PREDICTED` is now called `PREDICTION_KEYS`: write `from trainer_module.heads import PREDICTION_KEYS`."
    assert str(error.value) == expected
    assert not hasattr(heads, "PREDICTIONED")
