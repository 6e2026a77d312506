"""The outputs of the served model: the prediction of the task, the units of the label, additional heads of the model."""

import numpy as np
import pytest
import tensorflow as tf

from tests.support.serving_bench import HOUSES, NAN, QUICK, SIZES, TRAINED_ON, WINDOWS, examples, raw
from trainer_module.heads import WEIGHT
from trainer_module.serving.outputs import MissingPredictionError
from trainer_module.serving.signatures import (
    LABEL,
    PREDICT_RAW,
    PREDICTION,
    PROBABILITIES,
    PROBABILITY,
    SERVING_DEFAULT,
    TRANSFORM_LABELS,
)


def futures():
    """The predictions of LINE for WINDOWS, in the units of the series."""
    levels = np.array(TRAINED_ON["levels"]["level"], float)
    unit = np.sqrt(np.mean((levels - levels[:, 2:]) ** 2))
    step = np.sqrt(np.mean((np.array(TRAINED_ON["levels"]["level_future"]) - levels[:, 2:]) ** 2))
    first, last = np.array([[100.0], [2.0]]), np.array([[104.0], [1.0]])
    return last + step * ((first - last) / unit + [[0, 0.5]])


def prices():
    """Predictions of LINE for HOUSES. Areas have the mean 3, and so have logarithms of prices; a missing area is the mean."""
    deviations = np.std([1, 3, 5]), np.std([0, 3, 6])
    return np.expm1(3 + (np.array([5, 1, 3]) - 3) / deviations[0] * deviations[1])


@pytest.mark.parametrize("exported", QUICK, indirect=True)
def test_the_label_is_one_where_the_probability_is_above_one_half(exported):
    _, saved_model = exported
    rows = {
        "weight": tf.constant([60.0, 140.0, float("nan"), 100.0], tf.float64),
        "size": tf.constant([1.0, 9.0, 5.0, float("nan")], tf.float64),
        "colour": tf.constant(["green", "red", "", "blue"]),
        "crate": tf.constant([0.0, 3.0, float("nan"), 77.0], tf.float64),
    }
    served = tf.saved_model.load(saved_model).signatures[PREDICT_RAW](**rows)
    np.testing.assert_array_equal(served[LABEL], np.array(served[PROBABILITY]) > 0.5)


@pytest.mark.parametrize(
    ("predictions", "names"),
    [('{"zeta": y, "score": y}', "score, zeta"), ("y", "nothing by name")],
    ids=["other names", "no name"],
)
def test_the_error_for_a_model_without_a_probability_names_its_predictions(bench, write_model, tmp_path, predictions, names):
    model = write_model(
        f"nameless_{len(names)}",
        f"""
        def search_space(hp):
            pass


        def build(dataset, hp, config):
            return tf.estimator.Estimator(model_fn, config=config)


        def model_fn(features, labels, mode):
            y = features["weight"] * tf.compat.v1.get_variable("w", [])
            head = tf.estimator.export.PredictOutput({{"y": y}})
            loss = None if labels is None else tf.reduce_mean(tf.square(y - tf.cast(labels, tf.float32)))
            step = tf.compat.v1.train.get_or_create_global_step().assign_add(1)
            return tf.estimator.EstimatorSpec(mode, {predictions}, loss, step, export_outputs={{"serving_default": head}})
        """,
    )
    estimator = bench.estimator(model, tmp_path / "model")
    estimator.train(bench.input_fn, max_steps=1)
    with pytest.raises(MissingPredictionError) as error:
        bench.export(estimator, tmp_path / "export")
    assert str(error.value) == (
        "A binary_classification is evaluated and served by predictions['logistic'] (see trainer_module/heads). "
        f"This model predicts: {names}. In Keras, name the last layer 'logistic'."
    )


@pytest.mark.parametrize(("name", "columns", "expected"), [("levels", WINDOWS, futures()), ("prices", HOUSES, prices())])
def test_predictions_are_in_the_units_of_the_label(served, name, columns, expected):
    for answer in (
        served[name][SERVING_DEFAULT](examples=examples(columns)),
        served[name][PREDICT_RAW](**raw(columns)),
    ):
        assert set(answer) == {PREDICTION}
        np.testing.assert_allclose(answer[PREDICTION], expected, rtol=1e-5, atol=1e-5)


def test_a_served_class_is_written_as_in_the_data(served):
    for answer in (
        served["kinds"][SERVING_DEFAULT](examples=examples(SIZES)),
        served["kinds"][PREDICT_RAW](**raw(SIZES)),
    ):
        assert answer[LABEL].numpy().tolist() == [b"pear", b"plum", b"apple"]
        assert answer[PROBABILITIES].shape == (3, 3)
        np.testing.assert_allclose(tf.reduce_sum(answer[PROBABILITIES], axis=1), 1, rtol=1e-6)


def test_additional_heads_are_served_in_the_units_of_the_label_and_without_padding(served):
    for name, columns, expected in (("levels", WINDOWS, futures()), ("prices", HOUSES, prices()[:, np.newaxis])):
        signatures = served[name]
        assert set(signatures) == {
            SERVING_DEFAULT,
            PREDICT_RAW,
            TRANSFORM_LABELS,
            "regression",
            "predict",
            "embedding",
            "embedding_raw",
        }
        serialised = examples(columns)
        np.testing.assert_allclose(signatures["predict"](examples=serialised)["predictions"], expected, rtol=1e-5, atol=1e-5)
        regression = signatures["regression"](inputs=serialised)["outputs"]
        np.testing.assert_allclose(regression, expected if name == "levels" else expected[:, 0], rtol=1e-5, atol=1e-5)
        for embedding in (signatures["embedding"](examples=serialised), signatures["embedding_raw"](**raw(columns))):
            # A head of shape [batch] keeps it. An output that is not the prediction of the label stays unchanged.
            np.testing.assert_allclose(embedding["predictions"], expected[:, 0], rtol=1e-5, atol=1e-5)
            assert embedding["embedding"].shape == (len(expected), 3 if name == "levels" else 1)
    np.testing.assert_allclose(embedding["embedding"], [[1.5**0.5], [-(1.5**0.5)], [0]], rtol=1e-5)


def test_a_classification_head_leaves_out_the_padding_too(served):
    scores = served["kinds"]["classification"](inputs=examples(SIZES))["scores"]
    answer = served["kinds"][SERVING_DEFAULT](examples=examples(SIZES))
    np.testing.assert_array_equal(scores, answer[PROBABILITIES])


def test_the_labels_signature_gives_label_and_weight_in_the_units_of_the_data(served):
    rows = WINDOWS | {"level_future": [[1.0, 2.0], [3.0, 4.0]], "copies": [0.5, NAN]}
    labels = served["levels"][TRANSFORM_LABELS](examples=examples(rows))
    assert {k: v.numpy().tolist() for k, v in labels.items()} == {"level_future": [[1, 2], [3, 4]], WEIGHT: [[0.5], [1]]}

    labels = served["prices"][TRANSFORM_LABELS](examples=examples(HOUSES | {"price": [7.0, NAN, -2.0]}))
    np.testing.assert_array_equal(labels["price"], [[7], [NAN], [-2]])
    assert set(labels) == {"price"}

    labels = served["kinds"][TRANSFORM_LABELS](examples=examples(SIZES | {"kind": ["plum", "cherry", ""]}))
    assert labels["kind"].numpy().tolist() == [[2], [-1], [-1]]
