"""Tables of rows before and after TFT, as the Transform node runs it: every kind of feature, every label, the weight."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from data import (
    BinaryLabel,
    Bucketized,
    Categorical,
    Dataset,
    ForecastLabel,
    MulticlassLabel,
    Numeric,
    NumericLabel,
    RatioLabel,
    Text,
    Vocabulary,
    Window,
)
from tests.support import transform
from trainer_module.heads import WEIGHT, label_scale
from trainer_module.transform import preprocess, raw_columns

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

# fare, tips, big_tipper
TIPS = [
    (10.00, 2.01, 1),
    (10.00, 1.99, 0),
    (_, 5, 0),
    (NAN, 5, 0),
    (INF, 5, 0),
    (10, _, 0),
    (10, NAN, 0),
    (10, INF, 0),
    (_, _, 0),
    (0, 1, 1),
    (0, 0, 0),
]
# (fare, tips): the tips are exactly one fifth. The last three rows are in the taxi sample.
FIFTHS = [(10, 2), (1, 0.2), (3, 0.6), (7.5, 1.5), (4.85, 0.97), (15.65, 3.13), (25.05, 5.01)]

# Texts, windows, numbers to predict, classes.
DIARY = Dataset(
    name="diary",
    sample="diary.csv",
    features=(
        Text("said", length=14, size=100, min_frequency=1),
        Text("rare", length=4, size=5, min_frequency=2, oov=3),
        Text("top", length=4, size=2, min_frequency=1),
        Text("silent", length=3, size=5),
        Window("level", 3),
        Window("flat", 2),
        Window("degrees", 3, "standard"),
        Window("phase", 3, "none"),
        Window("nowhere", 2, "standard"),
    ),
    label=NumericLabel("price", log=True),
    weight="counts",
)
LABELS = (
    NumericLabel("amount"),
    NumericLabel("constant"),
    MulticlassLabel("colour", ("red", "green", "blue")),
    MulticlassLabel("grade", (7, 1, -3)),
    ForecastLabel("level", inputs=3, width=2),
    RatioLabel("big_tipper", numerator="tips", denominator="fare", threshold=0.2),
)
DIARY_ON = {
    "said": [
        "I DON'T like it, don’t! C++ cost $5/3.5 %% a_b-c",
        "<p class='x'>Bread &amp; <br />butter</p><!-- no words --> 5 < 6 and 7 > 2 I <3 it",
        "great❤\ufe0f fun😀😀 Ça ÉTÉ ПРИВЕТ naïve 日本語",
        " ".join(f"word{i}" for i in range(5000)),
        " \t\n ",
        _,
    ],
    "rare": ["a a b", "b a once", "only", "c", "", _],
    "top": ["a b", "a b", "a c", "d", _, _],
    "silent": ["", _, "...", "<br>", _, _],
    "level": [[1, 2, 4], [10, NAN, 12], [NAN, 5, 5], _, [NAN, NAN, INF], [7, 8]],
    "flat": [[3, 3], [4, 4], _, _, _, _],
    "degrees": [[1, 2, 3], [NAN, 4, NAN], _, _, _, _],
    "phase": [[0, 0.5, 1], [NAN, NAN, -1], [0, -INF, NAN], _, _, _],
    "nowhere": [_, [NAN, NAN], _, _, _, _],
    "price": [0, np.expm1(2), np.expm1(4), -50, _, NAN],
    "counts": [1.5, 0, -2, _, NAN, INF],
    "amount": [10, 20, 30, _, NAN, INF],
    "constant": [7, 7, _, 7, 7, 7],
    "colour": ["green", "red", "blue", "Red", "", _],
    "grade": [1, 7, -3, 0, _, 1],
    "level_future": [[5, 6], [12, 9], [5, NAN], [1, 2], _, [8, 8]],
}
DIARY_SERVED = {
    "said": ["like never", _],
    "rare": ["b once unheard", _],
    "top": ["b c d e", _],
    "silent": ["any word", _],
    "level": [[100, 200, 300], _],
    "flat": [[1, 2], _],
    "degrees": [[5, 0, NAN], _],
    "phase": [[8, NAN, 9], _],
    "nowhere": [[1, 2], _],
    "price": [np.expm1(3), _],
    "counts": [7, _],
    "amount": [-1, _],
    "constant": [9, _],
    "colour": ["blue", "purple"],
    "grade": [-3, 3],
    "level_future": [[300, 301], _],
}
# The windows without gaps: a missing value takes the one before it, or else the first value of the window.
FILLED = {
    "level": [[1, 2, 4], [10, 10, 12], [5, 5, 5], [NAN] * 3, [NAN] * 3, [7, 8, 8]],
    "degrees": [[1, 2, 3], [4, 4, 4], [NAN] * 3, [NAN] * 3, [NAN] * 3, [NAN] * 3],
    "phase": [[0, 0.5, 1], [-1, -1, -1], [0, 0, 0], [NAN] * 3, [NAN] * 3, [NAN] * 3],
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


def padded(table):
    """The table with empty cells added to its shorter columns, so that all columns have the same length."""
    height = max(len(values) for values in table.values())
    return {name: [*values, *[_] * (height - len(values))] for name, values in table.items()}


class Diary:
    """The transformed tables DIARY_ON and DIARY_SERVED, with TIPS and FIFTHS as additional columns."""

    def __init__(self, folder):
        columns = DIARY.columns | {name: dtype for label in LABELS for name, dtype in label.columns}

        def rules(inputs):
            labels = {f"{label.name}.{k}": v for label in LABELS for k, v in preprocess.label(label, inputs).items()}
            return preprocess.preprocess(DIARY, inputs) | labels

        tables = [
            padded(table | {"fare": [r[0] for r in tips], "tips": [r[1] for r in tips]})
            for table, tips in ((DIARY_ON, TIPS), (DIARY_SERVED, FIFTHS))
        ]
        transformed = transform.through(folder, columns, rules, *tables)
        self.big_tipper = [table.pop("big_tipper.big_tipper")[:, 0].tolist() for table in transformed]
        self.trained_on, self.served = (
            {name: values[: len(table["said"])] for name, values in outputs.items()}
            for table, outputs in zip((DIARY_ON, DIARY_SERVED), transformed, strict=True)
        )
        self.graph = tft.TFTransformOutput(str(folder))

    def words(self, name, row):
        """The words of a text of the training rows, without the padding."""
        vocabulary = [w.decode() for w in self.graph.vocabulary_by_name(f"{name}_vocabulary")]
        ids = self.trained_on[name][row].tolist()
        word_ids = [i for i in ids if i]
        assert ids == word_ids + [0] * (len(ids) - len(word_ids)), "padding follows the text"
        return [vocabulary[i - 1] for i in word_ids]

    def ids(self, name, word):
        return self.graph.vocabulary_by_name(f"{name}_vocabulary").index(word.encode()) + 1


@pytest.fixture(scope="module")
def diary(tmp_path_factory):
    return Diary(tmp_path_factory.mktemp("diary"))


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


# Texts.


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (0, ["i", "dont", "like", "it", "dont", "c", "cost", "5", "3", "5", "a", "b", "c"]),
        (1, ["bread", "amp", "butter", "5", "6", "and", "7", "2", "i", "3", "it"]),
        (2, ["great", "❤", "fun", "😀", "😀", "ça", "été", "привет", "naïve", "日本語"]),
        (3, [f"word{i}" for i in range(14)]),
        (4, []),
        (5, []),
    ],
    ids=["apostrophes and signs", "HTML", "emoji and letters of the world", "5,000 words", "spaces", "missing"],
)
def test_a_text_is_split_into_words(diary, row, words):
    assert diary.words("said", row) == words


def test_a_missing_text_is_only_padding(diary):
    assert diary.served["said"][1].tolist() == [0] * 14


def test_words_below_the_minimum_frequency_are_spread_over_the_oov_ids(diary):
    """The vocabulary may have five words and has two. The OOV ids follow those of the known words."""
    assert diary.graph.vocabulary_size_by_name("rare_vocabulary") == 2
    a, b = diary.ids("rare", "a"), diary.ids("rare", "b")
    assert {a, b} <= {1, 2, 3}
    ids = diary.trained_on["rare"]
    assert ids[0].tolist() == [a, a, b, 0]
    assert ids[1, :2].tolist() == [b, a]
    for unknown in (ids[1, 2], ids[3, 0], diary.served["rare"][0, 1], diary.served["rare"][0, 2]):
        assert 3 <= unknown <= 5
    assert diary.served["rare"][0, 0] == b


def test_a_full_vocabulary_has_the_most_frequent_words(diary):
    a, b = diary.ids("top", "a"), diary.ids("top", "b")
    assert (a, b) == (1, 2)
    assert diary.trained_on["top"][:4].tolist() == [[1, 2, 0, 0], [1, 2, 0, 0], [1, 3, 0, 0], [3, 0, 0, 0]]
    assert diary.served["top"][0].tolist() == [2, 3, 3, 3]


def test_without_training_words_every_word_has_an_oov_id(diary):
    assert diary.trained_on["silent"].tolist() == [[0, 0, 0]] * 6
    unknown = diary.served["silent"][0]
    assert (unknown[:2] > 0).all()
    assert unknown[2] == 0


@pytest.mark.parametrize("table", ["trained_on", "served"])
def test_every_id_of_a_word_is_below_the_cardinality_of_its_feature(diary, table):
    for feature in DIARY.texts:
        ids = getattr(diary, table)[feature.name]
        assert ids.dtype.kind == "i", feature
        assert ids.shape[1] == feature.length, feature
        assert ids.min() >= 0, feature
        assert ids.max() < feature.cardinality, feature


# Windows.


def test_a_window_is_relative_to_its_last_value_in_units_of_the_training_rows(diary):
    filled = np.array(FILLED["level"])
    differences = filled - filled[:, 2:]
    unit = np.sqrt(np.nanmean(differences**2))
    np.testing.assert_allclose(diary.trained_on["level"], differences / unit, rtol=1e-6)
    np.testing.assert_allclose(diary.served["level"], [np.array([-200, -100, 0]) / unit, [NAN] * 3], rtol=1e-6)


def test_a_standard_window_is_standardised_by_the_training_rows(diary):
    filled = np.array(FILLED["degrees"])
    mean, deviation = np.nanmean(filled), np.nanstd(filled)
    np.testing.assert_allclose(diary.trained_on["degrees"], (filled - mean) / deviation, rtol=1e-5)
    expected = (np.array([5, 0, 0]) - mean) / deviation
    np.testing.assert_allclose(diary.served["degrees"], [expected, [NAN] * 3], rtol=1e-5)


def test_a_window_without_scale_keeps_its_values(diary):
    np.testing.assert_array_equal(diary.trained_on["phase"], FILLED["phase"])
    np.testing.assert_array_equal(diary.served["phase"], [[8, 8, 9], [NAN] * 3])


def test_constant_windows_are_not_scaled(diary):
    np.testing.assert_array_equal(diary.trained_on["flat"][:2], [[0, 0], [0, 0]])
    np.testing.assert_array_equal(diary.served["flat"][0], [-1, 0])


def test_a_window_without_training_values_is_finite_where_it_has_values(diary):
    assert np.isnan(diary.trained_on["nowhere"]).all()
    assert np.isfinite(diary.served["nowhere"][0]).all()


def test_a_window_with_too_many_values_is_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError):
        raw_columns.window(tf.sparse.from_dense([[1.0, 2.0, 3.0], [4.0, 5.0, 0.0]]), 2)


def test_a_required_window_is_filled_like_any_other():
    dense = tf.constant([[1.0, NAN, 3.0], [NAN, NAN, NAN], [NAN, 2.0, INF]])
    np.testing.assert_array_equal(raw_columns.window(dense, 3), [[1, 1, 3], [NAN] * 3, [2, 2, 2]])
    assert raw_columns.window(dense[:0], 3).shape == (0, 3)


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


# Labels.


def test_a_label_keeps_its_column_and_a_missing_one_is_zero(fruit):
    assert fruit[0]["ripe"].tolist() == [0, 1, 1, 0, 0, 1, 0, 1]
    assert fruit[1]["ripe"].tolist() == [0, 1, 0]


def test_a_tip_above_the_threshold_makes_a_big_tipper(diary):
    assert diary.big_tipper[0] == [expected for _, _, expected in TIPS]


def test_missing_fare_is_not_a_big_tipper(diary):
    labels = dict(zip(((str(fare), str(tips)) for fare, tips, _ in TIPS), diary.big_tipper[0], strict=True))
    assert {fare: labels[fare, "5"] for fare in ("None", "nan", "inf")} == {"None": 0, "nan": 0, "inf": 0}


def test_a_tip_of_exactly_the_threshold_is_not_above_it(diary):
    assert dict(zip(FIFTHS, diary.big_tipper[1], strict=True)) == dict.fromkeys(FIFTHS, 0)


def test_a_class_is_its_index_and_any_other_value_is_minus_one(diary):
    assert diary.trained_on["colour.colour"].tolist() == [[1], [0], [2], [-1], [-1], [-1]]
    assert diary.trained_on["grade.grade"].tolist() == [[1], [0], [2], [-1], [-1], [1]]
    assert diary.served["colour.colour"].tolist() == [[2], [-1]]
    assert diary.served["grade.grade"].tolist() == [[2], [-1]]
    assert diary.served["grade.grade"].dtype.kind == "i"


def test_a_numeric_label_keeps_its_units_beside_offset_and_scale_of_the_training_rows(diary):
    for table, expected in ((diary.trained_on, [10, 20, 30, NAN, NAN, NAN]), (diary.served, [-1, NAN])):
        rows = len(expected)
        np.testing.assert_array_equal(table["amount.amount"][:, 0], expected)
        np.testing.assert_allclose(table[f"amount.{label_scale.OFFSET}"], [[20]] * rows, rtol=1e-6)
        np.testing.assert_allclose(table[f"amount.{label_scale.SCALE}"], [[(200 / 3) ** 0.5]] * rows, rtol=1e-6)


def test_offset_and_scale_of_a_label_with_log_are_those_of_the_logarithms(diary):
    logs = np.array([0, 2, 4, 0])  # a negative value counts as zero
    np.testing.assert_allclose(diary.trained_on["price"][:, 0], [*DIARY_ON["price"][:4], NAN, NAN], rtol=1e-6)
    for table in (diary.trained_on, diary.served):
        np.testing.assert_allclose(table[label_scale.OFFSET], np.full_like(table["price"], logs.mean()), rtol=1e-6)
        np.testing.assert_allclose(table[label_scale.SCALE], np.full_like(table["price"], logs.std()), rtol=1e-6)


def test_a_constant_label_has_the_scale_one(diary):
    assert diary.trained_on[f"constant.{label_scale.SCALE}"].tolist() == [[1]] * 6
    assert diary.served[f"constant.{label_scale.OFFSET}"].tolist() == [[7]] * 2


def test_the_offset_of_a_future_is_the_last_known_value(diary):
    future = np.array([[5, 6], [12, 9], [5, NAN], [1, 2], [NAN, NAN], [8, 8]])
    last = np.array(FILLED["level"])[:, 2:]
    unit = np.sqrt(np.nanmean((future - last) ** 2))
    np.testing.assert_array_equal(diary.trained_on["level_future.level_future"], future)
    np.testing.assert_array_equal(diary.trained_on[f"level_future.{label_scale.OFFSET}"], last)
    np.testing.assert_allclose(diary.trained_on[f"level_future.{label_scale.SCALE}"], [[unit]] * 6, rtol=1e-6)


def test_an_unknown_future_has_its_offset_and_scale(diary):
    np.testing.assert_array_equal(diary.served["level_future.level_future"], [[300, 301], [NAN, NAN]])
    np.testing.assert_array_equal(diary.served[f"level_future.{label_scale.OFFSET}"], [[300], [NAN]])
    trained_on = diary.trained_on[f"level_future.{label_scale.SCALE}"][0]
    np.testing.assert_array_equal(diary.served[f"level_future.{label_scale.SCALE}"][0], trained_on)


# Weights.


def test_a_missing_weight_is_one_and_a_negative_one_is_zero(diary):
    assert diary.trained_on[WEIGHT].tolist() == [[1.5], [0], [0], [1], [1], [1]]
    assert diary.served[WEIGHT].tolist() == [[7], [1]]


def test_a_dataset_without_weights_has_no_weight_output(fruit):
    assert WEIGHT not in fruit[0]
