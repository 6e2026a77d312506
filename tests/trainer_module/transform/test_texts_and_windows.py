"""Tables of rows before and after TFT, as the Transform node runs it: texts and windows."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform as tft

from data import Dataset, NumericLabel, Text, Window
from tests.support import transform
from trainer_module.transform import raw_columns

NAN, INF = float("nan"), float("inf")
_ = None  # an empty cell, short so that the tables below are readable

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
    label=NumericLabel("price"),
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
}
# The windows without gaps: a missing value takes the one before it, or else the first value of the window.
FILLED = {
    "level": [[1, 2, 4], [10, 10, 12], [5, 5, 5], [NAN] * 3, [NAN] * 3, [7, 8, 8]],
    "degrees": [[1, 2, 3], [4, 4, 4], [NAN] * 3, [NAN] * 3, [NAN] * 3, [NAN] * 3],
    "phase": [[0, 0.5, 1], [-1, -1, -1], [0, 0, 0], [NAN] * 3, [NAN] * 3, [NAN] * 3],
}


class Diary:
    """The transformed tables DIARY_ON and DIARY_SERVED."""

    def __init__(self, folder):
        self.trained_on, self.served = transform.transformed(folder, DIARY, DIARY_ON, DIARY_SERVED)
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
