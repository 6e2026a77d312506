"""Tables of rows before and after TFT, as the Transform node runs it: numbers, buckets, vocabularies and categories."""

import numpy as np
import pytest

from data import BinaryLabel, Bucketized, Categorical, Dataset, Numeric, Vocabulary
from tests.support import transform
from trainer_module.heads import WEIGHT
from trainer_module.transform import preprocess

NAN, INF = float("nan"), float("inf")
_ = None  # an empty cell, short so that the tables below are readable

FRUIT = Dataset(
    name="fruit",
    sample="fruit.csv",
    features=(
        Numeric("number"),
        Numeric("amount", log=True),
        Numeric("count", dtype="int64"),
        Numeric("constant"),
        Numeric("empty_number"),
        Numeric("required_number"),
        Bucketized("cut", buckets=4),
        Bucketized("cut_count", buckets=2, dtype="int64"),
        Bucketized("cut_constant", buckets=4),
        Bucketized("cut_empty", buckets=3),
        Bucketized("required_cut", buckets=2),
        Vocabulary("word", size=2, oov=1),
        Vocabulary("hashed", size=1, oov=3),
        Vocabulary("few_words", size=50, oov=2),
        Vocabulary("code", size=2, oov=1, dtype="int64"),
        Vocabulary("empty_word", size=3, oov=1),
        Vocabulary("required_word", size=1, oov=1),
        Categorical("hour", size=4),
        Categorical("required_hour", size=4),
    ),
    label=BinaryLabel("ripe", dtype="int64"),
)
TRAINED_ON = {
    "number": [1, 3, 5, _, NAN, INF, -INF, _],
    "amount": [0, np.expm1(1), np.expm1(2), -50, _, NAN, INF, _],
    "count": [2, 4, 6, _, _, _, _, _],
    "constant": [7, 7, 7, _, 7, 7, 7, NAN],
    "empty_number": [_, NAN, INF, -INF, _, _, _, _],
    "required_number": [1, 3, 5, NAN, INF, 3, 3, 3],
    "cut": [10, 20, 30, 40, 50, 60, 70, 80],
    "cut_count": [1, 2, 3, 4, _, _, _, _],
    "cut_constant": [5, 5, 5, 5, 5, 5, _, _],
    "cut_empty": [_, _, _, NAN, _, _, _, _],
    "required_cut": [1, 1, 1, 9, 9, 9, NAN, INF],
    "word": ["card", "cash", "cash", "card", "cash", "", _, "dispute"],
    "hashed": ["a", "a", "a", "b", "c", "d", "e", "f"],
    "few_words": ["a", "a", "b", _, _, _, _, _],
    "code": [8, 700, 700, 700, 8, 9, _, 1],
    "empty_word": ["", _, "", _, _, _, _, _],
    "required_word": ["x", "x", "", "y", "x", "x", "x", "x"],
    "hour": [0, 1, 2, 3, 4, 99, -1, _],
    "required_hour": [0, 1, 2, 3, 4, 99, -1, -99],
    "ripe": [0, 1, 1, 0, _, 1, 0, 1],
}
# These rows are transformed with the statistics of the training rows.
SERVED = {
    "number": [3, 3 + 8**0.5, NAN],
    "amount": [-1, np.expm1(1), _],
    "count": [10, _, 4],
    "constant": [7, 7, _],
    "empty_number": [_, NAN, 1000],
    "required_number": [NAN, 3, INF],
    "cut": [-1000, 1000, NAN],
    "cut_count": [-1000, _, 1000],
    "cut_constant": [4, 6, INF],
    "cut_empty": [1, _, 1000],
    "required_cut": [-1000, NAN, 1000],
    "word": ["unseen", "cash", ""],
    "hashed": ["unseen", "", _],
    "few_words": ["unseen", "b", _],
    "code": [12345, 8, _],
    "empty_word": ["unseen", _, "other"],
    "required_word": ["unseen", "", "x"],
    "hour": [2**40, -(2**40), 3],
    "required_hour": [2**40, 1, 0],
    "ripe": [_, 1, 0],
}


def transformed(folder, dataset, *tables):
    """The transformed tables, each as name -> array [rows]. Every output must have the shape [batch, 1]."""
    required = [name for name in dataset.columns if name.startswith("required_")]
    outputs = transform.transformed(folder, dataset, *tables, required=required)
    assert {values.shape[1:] for table in outputs for values in table.values()} == {(1,)}
    return [{name: values[:, 0] for name, values in table.items()} for table in outputs]


@pytest.fixture(scope="module")
def fruit(tmp_path_factory):
    """The transformed tables TRAINED_ON and SERVED."""
    return transformed(tmp_path_factory.mktemp("fruit"), FRUIT, TRAINED_ON, SERVED)


# Numbers.


@pytest.mark.parametrize(
    ("name", "trained_on", "served"),
    [
        # mean 3, variance 8/3 of the values 1, 3, 5
        ("number", [-(1.5**0.5), 0, 1.5**0.5, 0, 0, 0, 0, 0], [0, 3**0.5, 0]),
        ("count", [-(1.5**0.5), 0, 1.5**0.5, 0, 0, 0, 0, 0], [6 / (8 / 3) ** 0.5, 0, 0]),
        # mean 3, variance 8/6 of the values 1, 3, 5, 3, 3, 3
        ("required_number", [-(3**0.5), 0, 3**0.5, 0, 0, 0, 0, 0], [0, 0, 0]),
    ],
)
def test_a_number_is_standardised_by_the_present_values_and_a_missing_one_is_zero(fruit, name, trained_on, served):
    np.testing.assert_allclose(fruit[0][name], trained_on, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fruit[1][name], served, rtol=1e-5, atol=1e-6)


def test_the_logarithm_of_an_amount_is_standardised_and_a_negative_amount_counts_as_zero(fruit):
    logs = np.array([0, 1, 2, 0])
    expected = (logs - logs.mean()) / logs.std()
    np.testing.assert_allclose(fruit[0]["amount"], [*expected, 0, 0, 0, 0], rtol=1e-5)
    np.testing.assert_allclose(fruit[1]["amount"], [expected[0], expected[1], 0], rtol=1e-5)


def test_a_constant_number_is_zero_everywhere(fruit):
    assert fruit[0]["constant"].tolist() == [0] * 8
    assert fruit[1]["constant"].tolist() == [0] * 3


def test_a_number_without_training_values_is_finite(fruit):
    assert fruit[0]["empty_number"].tolist() == [0] * 8
    assert fruit[1]["empty_number"][:2].tolist() == [0, 0]
    assert np.isfinite(fruit[1]["empty_number"]).all()


# Buckets.


@pytest.mark.parametrize(
    ("name", "trained_on", "served"),
    [
        ("cut", [0, 0, 1, 1, 2, 2, 3, 3], [0, 3, 4]),
        ("cut_count", [0, 0, 1, 1, 2, 2, 2, 2], [0, 2, 1]),
        ("required_cut", [0, 0, 0, 1, 1, 1, 2, 2], [0, 2, 1]),
    ],
)
def test_a_bucket_is_a_quantile_of_the_training_rows_and_a_missing_value_has_its_own_id(fruit, name, trained_on, served):
    assert fruit[0][name].tolist() == trained_on
    assert fruit[1][name].tolist() == served


def test_a_constant_has_one_bucket(fruit):
    ids = fruit[0]["cut_constant"]
    assert len(set(ids[:6])) == 1
    assert ids[6:].tolist() == [4, 4]
    assert fruit[1]["cut_constant"][2] == 4


def test_without_training_values_missing_keeps_its_id(fruit):
    assert fruit[0]["cut_empty"].tolist() == [3] * 8
    assert fruit[1]["cut_empty"][1] == 3
    assert (fruit[1]["cut_empty"][[0, 2]] < 3).all()


# Vocabularies.


def test_frequent_words_have_ids_other_words_share_one_and_missing_has_its_own(fruit):
    #                                  card cash cash card cash ""  none dispute
    assert fruit[0]["word"].tolist() == [1, 0, 0, 1, 0, 3, 3, 2]
    assert fruit[1]["word"].tolist() == [2, 0, 3]
    assert fruit[0]["required_word"].tolist() == [0, 0, 2, 1, 0, 0, 0, 0]
    assert fruit[1]["required_word"].tolist() == [1, 2, 0]


def test_unknown_words_are_spread_over_the_oov_ids(fruit):
    ids = fruit[0]["hashed"].tolist()
    assert ids[:3] == [0, 0, 0]
    assert set(ids[3:]) <= {1, 2, 3}
    assert len(set(ids[3:])) > 1
    assert 1 <= fruit[1]["hashed"][0] <= 3
    assert fruit[1]["hashed"][1:].tolist() == [4, 4]


def test_a_short_vocabulary_does_not_move_the_id_of_missing(fruit):
    assert fruit[0]["few_words"].tolist() == [0, 0, 1, 52, 52, 52, 52, 52]
    unseen, known, missing = fruit[1]["few_words"]
    assert known == 1
    assert missing == 52
    assert unseen not in (0, 1, 52)
    assert fruit[0]["empty_word"].tolist() == [4] * 8
    assert fruit[1]["empty_word"][1] == 4
    assert (fruit[1]["empty_word"][[0, 2]] < 4).all()


def test_a_vocabulary_of_integers_treats_them_as_names(fruit):
    #                                   8 700 700 700 8  9 none 1
    assert fruit[0]["code"].tolist() == [1, 0, 0, 0, 1, 2, 3, 2]
    assert fruit[1]["code"].tolist() == [2, 1, 3]


# Categories.


def test_a_category_keeps_its_id_and_out_of_range_and_missing_have_the_next_ids(fruit):
    assert fruit[0]["hour"].tolist() == [0, 1, 2, 3, 4, 4, 4, 5]
    assert fruit[1]["hour"].tolist() == [4, 4, 3]
    assert fruit[0]["required_hour"].tolist() == [0, 1, 2, 3, 4, 4, 4, 4]
    assert fruit[1]["required_hour"].tolist() == [4, 1, 0]


# All features.


@pytest.mark.parametrize("table", [0, 1], ids=["trained on", "served"])
def test_every_id_is_below_the_cardinality_of_its_feature(fruit, table):
    for feature in FRUIT.categorical:
        ids = fruit[table][feature.name]
        assert ids.dtype.kind == "i", feature
        assert (ids >= 0).all(), feature
        assert (ids < feature.cardinality).all(), feature


def test_the_outputs_are_the_features_and_the_label(fruit):
    assert set(fruit[0]) == {f.name for f in FRUIT.features} | {"ripe"}


def test_a_feature_kind_without_a_rule_is_named():
    class Colour:
        name = "colour"

    rule = r"No Transform rule for Colour: register one in trainer_module\.transform\.preprocess"
    with pytest.raises(NotImplementedError, match=rule):
        preprocess.transform(Colour(), {})
    with pytest.raises(NotImplementedError, match="No Transform rule for Colour"):
        preprocess.label(Colour(), {})


# Label and weight.


def test_a_label_keeps_its_column_and_a_missing_one_is_zero(fruit):
    assert fruit[0]["ripe"].tolist() == [0, 1, 1, 0, 0, 1, 0, 1]
    assert fruit[1]["ripe"].tolist() == [0, 1, 0]


def test_a_dataset_without_weights_has_no_weight_output(fruit):
    assert WEIGHT not in fruit[0]
