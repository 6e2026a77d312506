"""`build` turns the name of a model into an Estimator: seeds, names of variables, units of the label, metrics."""

import dataclasses
import random
import shutil

import numpy as np
import pytest
import tensorflow as tf

from data import NumericLabel, metric_names
from tests.support.estimator_datasets import FRUIT, KINDS, PRICES
from trainer_module.estimators import build as estimators
from trainer_module.estimators import compatibility, hyperparameters
from trainer_module.heads import LOGISTIC, PREDICTIONS, WEIGHT, label_scale
from trainer_module.serving.outputs import MissingPredictionError

SMALL = {"hidden_units": "32", "embedding_dim": 2}

# A model with its own model_fn, and a converted Keras model. tests/contracts trains every model.
CUSTOM, CONVERTED = "custom_wide_deep", "keras_wide_deep"
# A Keras model file without `build`, and a model that always predicts one number: see tests/support/toys.
LINE, GUESS = "toy.line", "toy.guess"

pytestmark = pytest.mark.usefixtures("toy")


def rows():
    """Endless batches of eight fruit."""
    features = {f.name: tf.constant([[i % f.cardinality] for i in range(8)], tf.int64) for f in FRUIT.categorical}
    weight = tf.constant([[i / 4 - 1] for i in range(8)], tf.float32)
    labels = tf.constant([[float(i > 3)] for i in range(8)])
    return tf.data.Dataset.from_tensors(({"weight": weight, **features}, labels)).repeat()


def build(model, folder, seed=5):
    config = tf.estimator.RunConfig(
        model_dir=str(folder), tf_random_seed=seed, save_checkpoints_steps=1000, log_step_count_steps=1000
    )
    return estimators.build(FRUIT, model, hyperparameters.resolve(model, SMALL), config)


def trained(model, folder, seed=5):
    """Builds a model and trains it for one step. Returns its variables: name -> value."""
    estimator = build(model, folder, seed)
    estimator.train(rows, max_steps=1)
    return {name: estimator.get_variable_value(name) for name in estimator.get_variable_names()}


# Building.


@pytest.fixture(scope="module", params=[CUSTOM, CONVERTED])
def first(request, tmp_path_factory):
    """The first training of a model in this process: name of the model, folder, variables."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, folder, trained(request.param, folder)


def test_building_twice_in_one_process_gives_the_same_variables(first, tmp_path):
    model, _, one = first
    two = trained(model, tmp_path)
    assert list(one) == list(two)
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def test_another_seed_gives_other_weights(first, tmp_path):
    model, _, one = first
    other = trained(model, tmp_path, seed=6)
    assert list(one) == list(other)
    kernels = [n for n in one if n.endswith("kernel")]
    assert len(kernels) == 2
    # One step moves a weight by the learning rate, 0.003. A larger difference comes from other first values.
    for name in kernels:
        assert np.abs(one[name] - other[name]).max() > 0.05, name


def test_a_second_estimator_continues_the_checkpoint_of_the_first(first, tmp_path):
    model, folder, _ = first
    shutil.copytree(folder, tmp_path / "copy")
    second = build(model, tmp_path / "copy")
    second.train(rows, max_steps=3)
    assert second.get_variable_value("global_step") == 3


def test_every_model_predicts_a_probability(first):
    model, folder, _ = first
    predicted = list(build(model, folder).predict(lambda: rows().take(1).map(lambda features, label: features)))
    assert len(predicted) == 8
    assert all(p[LOGISTIC].shape == (1,) and 0 < p[LOGISTIC][0] < 1 for p in predicted)


def test_building_sets_the_seeds_of_the_process(tmp_path):
    drawn = []
    for seed in (11, 11, 12):
        build("custom_wide_deep", tmp_path / str(len(drawn)), seed)
        drawn.append((random.random(), np.random.random()))
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_without_a_seed_the_random_state_of_the_process_stays(tmp_path):
    random.seed(1)
    expected = random.random()
    random.seed(1)
    build("custom_wide_deep", tmp_path, seed=None)
    assert random.random() == expected


# A Keras model file.

OFFSET, SCALE = 100.0, 10.0


def prices(features=("weight",), batches=1, labels=(90.0, 100.0, 120.0)):
    """Batches of three fruit with their prices, in the units of the column."""
    values = {name: tf.constant([[-1.0], [0.0], [1.0]]) for name in features}
    values |= {label_scale.OFFSET: tf.fill([3, 1], OFFSET), label_scale.SCALE: tf.fill([3, 1], SCALE)}
    return tf.data.Dataset.from_tensors((values, tf.constant(labels)[:, tf.newaxis])).repeat(batches)


def config(folder):
    return tf.estimator.RunConfig(model_dir=str(folder), tf_random_seed=1, save_summary_steps=None)


def test_a_keras_model_file_without_build_predicts_in_the_units_of_the_label(tmp_path):
    compatibility.check(PRICES, LINE)
    hp = hyperparameters.resolve(LINE, {"slope": 3})
    estimator = estimators.build(PRICES, LINE, hp, config(tmp_path))
    estimator.train(prices, max_steps=1)
    predicted = [float(p[PREDICTIONS][0]) for p in estimator.predict(prices)]
    assert predicted == pytest.approx([OFFSET - 3 * SCALE, OFFSET, OFFSET + 3 * SCALE])

    metrics = estimator.evaluate(prices)
    errors = np.array(predicted) - [90, 100, 120]
    assert metrics[metric_names.MAE] == pytest.approx(
        np.abs(errors).mean()
    )  # the metric of the task, not the one of the Keras model
    assert metrics[metric_names.RMSE] == pytest.approx(np.sqrt((errors**2).mean()))
    assert metrics["loss"] == pytest.approx(((errors / SCALE) ** 2).mean())
    assert metrics[metric_names.MEAN_LABEL] == pytest.approx(310 / 3)


# Units.


def build_and_train(dataset, model, folder):
    estimator = estimators.build(dataset, model, hyperparameters.resolve(model), config(folder))
    estimator.train(prices, max_steps=1)
    return estimator


def test_a_model_sees_standardised_labels_and_its_metrics_are_in_the_units_of_the_label(tmp_path):
    metrics = build_and_train(PRICES, GUESS, tmp_path).evaluate(prices)
    assert metrics["seen"] == pytest.approx((-1 + 0 + 2) / 3)
    assert metrics["loss"] == pytest.approx((1.5 + 0.5 + 1.5) / 3)
    assert metrics[metric_names.MAE] == pytest.approx((15 + 5 + 15) / 3)  # the metric of the task replaces the model's own
    assert metrics[metric_names.MEAN_PREDICTION] == pytest.approx(105)


def test_predictions_of_a_label_with_a_logarithm_are_converted_back(tmp_path):
    skewed = dataclasses.replace(PRICES, label=NumericLabel("price", log=True))

    def small():
        return prices(labels=(0.0, 3.0, 5.0)).map(
            lambda x, y: ({**x, label_scale.OFFSET: x["weight"], label_scale.SCALE: tf.fill([3, 1], 2.0)}, y)
        )

    estimator = build_and_train(skewed, GUESS, tmp_path)
    predicted = [float(p[PREDICTIONS][0]) for p in estimator.predict(small)]
    assert predicted == pytest.approx(np.expm1([0, 1, 2]), abs=1e-6)
    assert estimator.evaluate(small)[metric_names.MAE] == pytest.approx(np.mean(np.abs(np.expm1([0, 1, 2]) - [0, 3, 5])))


def test_other_outputs_than_the_prediction_of_the_label_are_not_scaled(tmp_path):
    predicted = list(build_and_train(PRICES, GUESS, tmp_path).predict(prices))
    assert [(float(p[PREDICTIONS][0]), float(p["other"][0])) for p in predicted] == [(105, -1), (105, 0), (105, 1)]


def test_metrics_are_weighted_by_the_example_weights(tmp_path):
    weighed = dataclasses.replace(PRICES, weight="copies")

    def rows():
        return prices().map(lambda x, y: ({**x, WEIGHT: tf.constant([[2.0], [0.0], [1.0]])}, y))

    assert build_and_train(weighed, GUESS, tmp_path).evaluate(rows)[metric_names.MAE] == pytest.approx((2 * 15 + 15) / 3)


@pytest.mark.parametrize("dataset", [PRICES, KINDS], ids=["with units", "without units"])
def test_a_model_without_the_prediction_that_its_task_needs_is_refused(monkeypatch, tmp_path, dataset):
    monkeypatch.setattr(f"{GUESS}.PREDICTION", "score")
    with pytest.raises(MissingPredictionError, match=r"predictions\['pr.*'\].* This model predicts: other, score\."):
        build_and_train(dataset, GUESS, tmp_path).evaluate(prices)
