"""The scores and the promises of benchmarks/quality.py: every promise names a model that breaks it."""

import numpy as np
import pytest
import tensorflow as tf

from benchmarks import references, scores
from data import Dataset, MulticlassLabel, Numeric, Vocabulary, discovery
from data import metric_names as names

BOOSTED = {references.BOOSTING: {names.AUC: 0.95}}
NAIVE = {references.PERSISTENCE: {names.RMSE: 2.0}, references.SEASONAL_NAIVE: {names.RMSE: 0.8}}
BAGS = {references.BAG_OF_WORDS: {names.BINARY_ACCURACY: 0.84}, references.BAG_OF_PAIRS: {names.BINARY_ACCURACY: 0.83}}
PRICES = {
    references.RIDGE: {names.MAE: 19_300.0},
    references.BOOSTING: {names.MAE: 16_100.0},
    references.BOOSTING_LOG: {names.MAE: 16_000.0},
}


def broken_promises(dataset, model_scores, reference_scores, *, sample=True):
    return scores.broken_promises(
        discovery.dataset(dataset), {**model_scores, **reference_scores}, list(model_scores), sample=sample
    )


@pytest.mark.parametrize(
    ("dataset", "model_scores", "reference_scores"),
    [
        ("taxi", {"worse": {names.AUC: 0.7}, "best": {names.AUC: 0.931}}, BOOSTED),
        ("co2", {"lstm_forecaster": {names.RMSE: 0.79}}, NAIVE),
        ("reviews", {"keras_sequence_classifier": {names.BINARY_ACCURACY: 0.85}}, BAGS),
        ("housing", {"canned_linear": {names.MAE: 19_199.0}, "keras_wide_deep": {names.MAE: 18_399.0}}, PRICES),
        ("housing", {"canned_linear": {names.MAE: 19_200.0}}, PRICES),
        ("housing", {"keras_wide_deep": {names.MAE: 18_400.0}, "custom_wide_deep": {names.MAE: 90_000.0}}, PRICES),
    ],
)
def test_models_that_are_good_enough_break_no_promise(dataset, model_scores, reference_scores):
    assert broken_promises(dataset, model_scores, reference_scores) == []


@pytest.mark.parametrize(
    ("dataset", "model_scores", "reference_scores", "message"),
    [
        ("taxi", {"best": {names.AUC: 0.929}}, BOOSTED, "taxi: the best auc, 0.9290 of best, is below 0.9300"),
        ("co2", {"lstm_forecaster": {names.RMSE: 0.81}}, NAIVE, "above 0.8000, that of seasonal naive with drift"),
        (
            "reviews",
            {"lstm": {names.BINARY_ACCURACY: 0.839}},
            BAGS,
            "below 0.8400, that of the logistic regression on counts of words",
        ),
        ("housing", {"canned_linear": {names.MAE: 19_250.0}}, PRICES, "above 19,200, the promise for the sample"),
        ("housing", {"keras_wide_deep": {names.MAE: 18_401.0}}, PRICES, "above 18,400, 1.15 times that of gradient boosting"),
        ("taxi", {"best": {names.AUC: np.nan}}, BOOSTED, "nan of best"),
    ],
)
def test_a_model_that_is_worse_than_promised_is_named(dataset, model_scores, reference_scores, message):
    [line] = broken_promises(dataset, model_scores, reference_scores)
    assert message in line


def test_the_promise_in_dollars_holds_only_for_the_sample():
    model_scores = {"canned_linear": {names.MAE: 19_250.0}}
    assert broken_promises("housing", model_scores, PRICES, sample=False) == []
    [line] = broken_promises("housing", {"canned_linear": {names.MAE: 19_301.0}}, PRICES, sample=False)
    assert "ridge on one-hot columns" in line


def test_scores_are_in_the_units_of_the_label():
    result = scores.score("regression", np.array([100.0, 200.0]), {"model": np.array([110.0, 180.0])})
    assert result["model"][names.MAE] == pytest.approx(15.0)
    assert result["model"][names.RMSE] == pytest.approx(np.sqrt(250.0))
    assert result["model"][names.MEAN_RELATIVE_ERROR] == pytest.approx(0.1)


def test_classes_are_scored_by_the_most_probable_one():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]])
    result = scores.score("multiclass_classification", np.array([0, 1]), {"model": probabilities})
    assert result["model"] == pytest.approx({names.ACCURACY: 0.5, names.CROSS_ENTROPY: -(np.log(0.7) + np.log(0.2)) / 2})


FLOWERS = Dataset(
    name="flowers",
    features=(Numeric("petal_cm"), Vocabulary("colour", size=2)),
    label=MulticlassLabel("kind", classes=("rose", "tulip", "unseen")),
    sample="",
)


def flower(petal_cm, colour):
    features = {}
    if petal_cm is not None:
        features["petal_cm"] = tf.train.Feature(float_list=tf.train.FloatList(value=[petal_cm]))
    if colour is not None:
        features["colour"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[colour]))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def test_references_give_every_class_a_probability_even_a_class_without_a_training_row():
    rows = [flower(1.0, b"red"), flower(None, b"red"), flower(2.0, None), flower(2.0, b"blue")] * 20
    result = references.predict(FLOWERS, rows, np.array([0, 0, 1, 1] * 20), [flower(1.0, b"red"), flower(2.0, b"green")])
    assert list(result) == [references.BOOSTING, references.CONSTANT]
    assert result[references.CONSTANT] == pytest.approx(np.array([[0.5, 0.5, 0.0]] * 2))
    assert result[references.BOOSTING].argmax(axis=1).tolist() == [0, 1]


def test_a_text_cannot_be_a_column_of_a_table():
    with pytest.raises(references.NotATableError, match="'text' is a Text"):
        references.columns(discovery.dataset("reviews"), [flower(1.0, None)])
