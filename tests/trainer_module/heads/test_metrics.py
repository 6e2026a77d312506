"""The metrics that training reports equal those of scikit-learn and NumPy on the same rows."""

import numpy as np
import pytest
import tensorflow as tf
from sklearn import metrics as sk

from data import TASKS
from data import metric_names as names
from trainer_module.heads import metrics

RNG = np.random.default_rng(4)
ROWS = 300
BATCHES = np.split(np.arange(ROWS), [100, 220])  # metrics add up over several batches

POSITIVE = RNG.random((ROWS, 1)).astype(np.float32)
IS_POSITIVE = (POSITIVE + RNG.normal(0, 0.4, (ROWS, 1)) > 0.6).astype(np.float32)
SCORES = RNG.normal(size=(ROWS, 4))
PROBABILITIES = (np.exp(SCORES) / np.exp(SCORES).sum(axis=1, keepdims=True)).astype(np.float32)
CLASSES = RNG.integers(0, 4, (ROWS, 1))
PRICES = RNG.normal(50, 20, (ROWS, 1)).astype(np.float32)
PRICES[:5] = 0  # a label of 0 has no relative error
GUESSES = (PRICES + RNG.normal(3, 10, (ROWS, 1))).astype(np.float32)
FUTURES = RNG.normal(10, 5, (ROWS, 6)).astype(np.float32)
FORECASTS = (FUTURES + RNG.normal(0, 2, (ROWS, 6))).astype(np.float32)
WEIGHTS = RNG.choice([0.0, 0.5, 1.0, 3.0], (ROWS, 1)).astype(np.float32)

CASES = {
    "binary_classification": (IS_POSITIVE, POSITIVE),
    "multiclass_classification": (CLASSES, PROBABILITIES),
    "regression": (PRICES, GUESSES),
    "forecast": (FUTURES, FORECASTS),
}


def evaluated(task, weights):
    """The metrics as an Estimator evaluates them: every batch updates them, in a new graph and session."""
    labels, predicted = CASES[task]
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        rows = tf.compat.v1.placeholder(tf.int64, [None])
        batch = [tf.gather(tf.constant(x), rows) for x in (labels, predicted)]
        metric_ops = metrics.eval_metric_ops(task, *batch, None if weights is None else tf.gather(tf.constant(weights), rows))
        session.run([v.initializer for m in metric_ops.values() for v in m.variables])
        for batch_rows in BATCHES:
            session.run([m.updates for m in metric_ops.values()], {rows: batch_rows})
        return session.run({name: m.result() for name, m in metric_ops.items()})


def expected(task, weights):
    labels, predicted = CASES[task]
    w = np.ones(ROWS) if weights is None else weights[:, 0]
    y, p = labels[:, 0], predicted[:, 0]
    if task == "binary_classification":
        precision, recall, _ = sk.precision_recall_curve(y, p, sample_weight=w)
        return {
            names.AUC: sk.roc_auc_score(y, p, sample_weight=w),
            names.AUC_PRECISION_RECALL: sk.auc(recall, precision),
            names.BINARY_ACCURACY: sk.accuracy_score(y, p > 0.5, sample_weight=w),
            names.MEAN_LABEL: np.average(y, weights=w),
            names.MEAN_PREDICTION: np.average(p, weights=w),
        }
    if task == "multiclass_classification":
        return {
            names.ACCURACY: sk.accuracy_score(y, predicted.argmax(axis=1), sample_weight=w),
            names.CROSS_ENTROPY: sk.log_loss(y, predicted, sample_weight=w),
        }
    errors = {
        names.RMSE: sk.mean_squared_error(labels, predicted, sample_weight=w) ** 0.5,
        names.MAE: sk.mean_absolute_error(labels, predicted, sample_weight=w),
    }
    if task == "forecast":
        return errors
    relative = np.divide(np.abs(p - y), np.abs(y), out=np.zeros(ROWS), where=y != 0)
    return errors | {
        names.MEAN_RELATIVE_ERROR: np.average(relative, weights=w),
        names.MEAN_LABEL: np.average(y, weights=w),
        names.MEAN_PREDICTION: np.average(p, weights=w),
    }


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["no weights", "weights"])
@pytest.mark.parametrize("task", TASKS)
def test_the_metrics_of_a_task_equal_those_of_the_reference(task, weights):
    computed, reference = evaluated(task, weights), expected(task, weights)
    assert set(computed) == set(reference)
    for name, value in computed.items():
        # TensorFlow computes the area with a fixed number of thresholds, scikit-learn with every score.
        assert value == pytest.approx(reference[name], rel=1e-3 if name.startswith(names.AUC) else 1e-5), name


@pytest.mark.parametrize("task", TASKS)
def test_a_training_reports_metrics_under_the_names_of_the_task(task):
    labels, predicted = CASES[task]
    metric_ops = metrics.eval_metric_ops(task, tf.constant(labels), tf.constant(predicted))
    assert set(TASKS[task].selection_metrics) <= set(metric_ops) <= set(TASKS[task].metrics)
