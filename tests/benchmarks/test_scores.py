"""benchmarks/quality.py: each promise refuses what breaks it."""

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


def broken(dataset, ours, others, *, sample=True):
    return scores.broken_promises(discovery.dataset(dataset), {**ours, **others}, list(ours), sample=sample)


@pytest.mark.parametrize(
    ("dataset", "ours", "others"),
    [
        ("taxi", {"worse": {names.AUC: 0.7}, "best": {names.AUC: 0.931}}, BOOSTED),
        ("co2", {"lstm_forecaster": {names.RMSE: 0.79}}, NAIVE),
        ("reviews", {"keras_sequence_classifier": {names.BINARY_ACCURACY: 0.85}}, BAGS),
        ("housing", {"canned_linear": {names.MAE: 19_199.0}, "keras_wide_deep": {names.MAE: 18_399.0}}, PRICES),
        ("housing", {"canned_linear": {names.MAE: 19_200.0}}, PRICES),
        ("housing", {"keras_wide_deep": {names.MAE: 18_400.0}, "custom_wide_deep": {names.MAE: 90_000.0}}, PRICES),
    ],
)
def test_models_that_are_good_enough_break_no_promise(dataset, ours, others):
    assert broken(dataset, ours, others) == []


@pytest.mark.parametrize(
    ("dataset", "ours", "others", "why"),
    [
        ("taxi", {"best": {names.AUC: 0.929}}, BOOSTED, "taxi: the best auc, 0.9290 of best, is below 0.9300"),
        ("co2", {"lstm_forecaster": {names.RMSE: 0.81}}, NAIVE, "above 0.8000, seasonal naive with drift's"),
        (
            "reviews",
            {"lstm": {names.BINARY_ACCURACY: 0.839}},
            BAGS,
            "below 0.8400, that of the logistic regression on counts of words",
        ),
        ("housing", {"canned_linear": {names.MAE: 19_250.0}}, PRICES, "above 19,200, what is promised of it"),
        ("housing", {"keras_wide_deep": {names.MAE: 18_401.0}}, PRICES, "above 18,400, 1.15 times gradient boosting's"),
        ("taxi", {"best": {names.AUC: np.nan}}, BOOSTED, "nan of best"),
    ],
)
def test_a_model_that_is_worse_than_promised_is_named(dataset, ours, others, why):
    [line] = broken(dataset, ours, others)
    assert why in line


def test_on_other_rows_than_the_sample_no_price_in_dollars_is_promised():
    ours = {"canned_linear": {names.MAE: 19_250.0}}
    assert broken("housing", ours, PRICES, sample=False) == []
    [line] = broken("housing", {"canned_linear": {names.MAE: 19_301.0}}, PRICES, sample=False)
    assert "ridge on one-hot columns" in line


def test_scores_are_in_the_units_of_the_label():
    found = scores.score("regression", np.array([100.0, 200.0]), {"model": np.array([110.0, 180.0])})
    assert found["model"][names.MAE] == pytest.approx(15.0)
    assert found["model"][names.RMSE] == pytest.approx(np.sqrt(250.0))
    assert found["model"][names.MEAN_RELATIVE_ERROR] == pytest.approx(0.1)


def test_classes_are_scored_by_the_most_probable_one():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]])
    found = scores.score("multiclass_classification", np.array([0, 1]), {"model": probabilities})
    assert found["model"] == pytest.approx({names.ACCURACY: 0.5, names.CROSS_ENTROPY: -(np.log(0.7) + np.log(0.2)) / 2})


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


def test_references_of_several_classes_give_each_a_probability_also_one_that_was_never_seen():
    rows = [flower(1.0, b"red"), flower(None, b"red"), flower(2.0, None), flower(2.0, b"blue")] * 20
    found = references.predict(FLOWERS, rows, np.array([0, 0, 1, 1] * 20), [flower(1.0, b"red"), flower(2.0, b"green")])
    assert list(found) == [references.BOOSTING, references.CONSTANT]
    assert found[references.CONSTANT] == pytest.approx(np.array([[0.5, 0.5, 0.0]] * 2))
    assert found[references.BOOSTING].argmax(axis=1).tolist() == [0, 1]


def test_a_text_is_no_column_of_a_table():
    with pytest.raises(references.NotATableError, match="'text' is a Text"):
        references.columns(discovery.dataset("reviews"), [flower(1.0, None)])
