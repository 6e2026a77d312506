"""The forecaster: the six fields of its EstimatorSpec, and which of them each mode builds."""

import numpy as np
import pytest
import tensorflow as tf

from data import Dataset, Series, metric_names
from trainer_module.estimators import hyperparameters
from trainer_module.estimators.build import build
from trainer_module.heads import label_scale
from trainer_module.models import lstm_forecaster
from trainer_module.serving.signatures import SERVING_DEFAULT

MODEL = "lstm_forecaster"
MODES = tf.estimator.ModeKeys


def series_dataset(outputs=3, **settings):
    series = Series(time="at", value="level", inputs=4, outputs=outputs, season=2, **settings)
    return Dataset("t", series.features, series.label, sample="t.csv", series=series)


def rows(dataset, n=8, seed=5):
    """Features and labels as Transform writes them. The labels are in the units of the series."""
    rng = np.random.default_rng(seed)
    features = {w.name: rng.normal(size=(n, w.length)).astype(np.float32) for w in dataset.windows}
    features |= {label_scale.OFFSET: np.full((n, 1), 300, np.float32), label_scale.SCALE: np.full((n, 1), 2, np.float32)}
    labels = 300 + 2 * rng.normal(size=(n, dataset.series.outputs)).astype(np.float32)
    return features, labels


def input_fn(dataset, repeat=False):
    data = tf.data.Dataset.from_tensors(rows(dataset))
    return data.repeat() if repeat else data


def spec_of(dataset, mode, **overrides):
    with tf.Graph().as_default():
        tf.compat.v1.train.create_global_step()
        features, labels = rows(dataset)
        features = {k: tf.constant(v) for k, v in features.items()}
        params = {"dataset": dataset, **hyperparameters.resolve(MODEL, overrides).values}
        labels = None if mode == MODES.PREDICT else tf.constant(labels)
        return lstm_forecaster.model_fn(features, labels, mode, params)


def test_each_field_of_the_spec_exists_only_in_its_modes():
    train, evaluation, predict = (spec_of(series_dataset(), mode) for mode in (MODES.TRAIN, MODES.EVAL, MODES.PREDICT))
    assert [s.mode for s in (train, evaluation, predict)] == [MODES.TRAIN, MODES.EVAL, MODES.PREDICT]
    assert all(isinstance(s.predictions, dict) for s in (train, evaluation, predict))
    assert [s.loss is not None for s in (train, evaluation, predict)] == [True, True, False]
    assert [s.train_op is not None for s in (train, evaluation, predict)] == [True, False, False]
    metrics = {metric_names.RMSE, metric_names.MAE}
    assert [set(s.eval_metric_ops or {}) for s in (train, evaluation, predict)] == [set(), metrics, set()]
    assert [set(s.export_outputs or {}) for s in (train, evaluation)] == [set(), set()]
    assert set(predict.export_outputs) == {SERVING_DEFAULT, "predict", "regression", "embedding"}


@pytest.mark.parametrize(("outputs", "kind"), [(1, "RegressionOutput"), (12, "PredictOutput")])
def test_the_regression_head_is_a_predict_output_if_it_has_several_values(outputs, kind):
    head = spec_of(series_dataset(outputs), MODES.PREDICT).export_outputs["regression"]
    assert type(head).__name__ == kind


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("clip_norm", [0.0, 1.0])
def test_every_optimizer_trains(tmp_path, optimizer, clip_norm):
    dataset = series_dataset(known_covariates=("plan",), calendar=("year",))
    hp = hyperparameters.resolve(MODEL, {"optimizer": optimizer, "clip_norm": clip_norm, "learning_rate": 0.05, "units": 4})
    estimator = build(dataset, MODEL, hp, tf.estimator.RunConfig(str(tmp_path), tf_random_seed=1))
    estimator.train(lambda: input_fn(dataset, repeat=True), max_steps=2)
    first = estimator.evaluate(lambda: input_fn(dataset))
    estimator.train(lambda: input_fn(dataset, repeat=True), max_steps=60)
    later = estimator.evaluate(lambda: input_fn(dataset))
    assert later["loss"] < first["loss"]
    # The loss is on the training scale, the metrics are in the units of the series.
    assert later[metric_names.RMSE] == pytest.approx(2 * later["loss"] ** 0.5, rel=1e-4)
    predicted = next(estimator.predict(lambda: input_fn(dataset)))
    assert predicted["predictions"].shape == (3,)
    assert np.all(np.abs(predicted["predictions"] - 300) < 20)
    assert predicted["embedding"].shape == (4,)


def test_a_known_covariate_of_the_future_changes_the_prediction(tmp_path):
    dataset = series_dataset(known_covariates=("plan",))
    estimator = build(dataset, MODEL, hyperparameters.resolve(MODEL), tf.estimator.RunConfig(str(tmp_path), tf_random_seed=1))
    estimator.train(lambda: input_fn(dataset, repeat=True), max_steps=1)
    features, _ = rows(dataset)

    def predict(plan):
        return [p["predictions"] for p in estimator.predict(lambda: tf.data.Dataset.from_tensors({**features, "plan": plan}))]

    changed = features["plan"].copy()
    changed[:, -1] += 1
    assert np.all(np.abs(np.array(predict(features["plan"])) - predict(changed)) > 1e-4)
