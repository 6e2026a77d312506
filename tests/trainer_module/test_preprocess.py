"""Rows in, rows out: every feature kind and both labels, through TFT as the Transform node runs it."""

import json

import apache_beam as beam
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_transform.beam as tft_beam
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_transform.tf_metadata import dataset_metadata, schema_utils

from data.features import Bucketized, Categorical, Dataset, Label, Numeric, RatioLabel, Vocabulary
from pipeline.config import ENGINES
from trainer_module import preprocess

NAN, INF = float("nan"), float("inf")
_ = None  # an empty cell, so that the tables below can be read

FRUIT = Dataset(
    name="fruit",
    task="binary_classification",
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
    label=Label("ripe", dtype="int64"),
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
# Rows that come later are read by what the training rows taught.
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

TRIPS = Dataset(
    name="trips",
    task="binary_classification",
    sample="trips.csv",
    features=(Numeric("fare"),),
    label=RatioLabel("big_tipper", numerator="tips", denominator="fare", threshold=0.2),
)
# fare, tips, big_tipper
JUDGED = [
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
# Tips of one fifth to the cent; the last three are in the taxi sample.
FIFTHS = [(10, 2), (1, 0.2), (3, 0.6), (7.5, 1.5), (4.85, 0.97), (15.65, 3.13), (25.05, 5.01)]


def spec(declared):
    """Columns that the schema requires are dense, the others sparse; `row` keeps the order, Beam promises none."""
    columns = {
        name: tf.io.FixedLenFeature([1], tf.as_dtype(dtype))
        if name.startswith("required_")
        else tf.io.VarLenFeature(tf.as_dtype(dtype))
        for name, dtype in declared.columns.items()
    }
    return columns | {"row": tf.io.FixedLenFeature([1], tf.int64)}


def rows(declared, table):
    """Rows as TFT takes them: column -> the values of one row."""
    kinds = {"string": str.encode, "int64": int, "float32": float}
    made = [{"row": [i]} for i in range(len(next(iter(table.values()))))]
    for name, values in table.items():
        for row, value in zip(made, values, strict=True):
            row[name] = [] if value is None else [kinds[declared.columns[name]](value)]
    return made


def transformed(folder, declared, *tables):
    """Analyses the first table and transforms them all, in one pipeline. Returns for each: name -> array [rows]."""
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec(declared)))

    def preprocessing_fn(inputs):
        return {"row": inputs["row"], **preprocess.preprocess(declared, inputs)}

    with beam.Pipeline(options=PipelineOptions(list(ENGINES["in-process"]))) as pipeline:
        with tft_beam.Context(force_tf_compat_v1=True, temp_dir=str(folder)):
            data = [pipeline | f"Create table {i}" >> beam.Create(rows(declared, t)) for i, t in enumerate(tables)]
            graph = (data[0], metadata) | tft_beam.AnalyzeDataset(preprocessing_fn)
            for i, table in enumerate(data):
                out, _ = ((table, metadata), graph) | f"Transform table {i}" >> tft_beam.TransformDataset()
                lines = out | f"Write down table {i}" >> beam.Map(lambda r: json.dumps({k: v.tolist() for k, v in r.items()}))
                lines | f"Store table {i}" >> beam.io.WriteToText(str(folder / f"table{i}"), shard_name_template="")
    return [columns(folder / f"table{i}") for i in range(len(tables))]


def columns(file):
    made = sorted((json.loads(line) for line in file.read_text().splitlines()), key=lambda r: r["row"])
    assert all(len(v) == 1 for r in made for v in r.values()), "every output is [batch, 1]"
    return {name: np.array([r[name][0] for r in made]) for name in made[0] if name != "row"}


@pytest.fixture(scope="module")
def fruit(tmp_path_factory):
    """What becomes of the rows trained on and of those that come later."""
    return transformed(tmp_path_factory.mktemp("fruit"), FRUIT, TRAINED_ON, SERVED)


@pytest.fixture(scope="module")
def trips(tmp_path_factory):
    """The labels of JUDGED and of FIFTHS."""
    tables = [{"fare": [r[0] for r in t], "tips": [r[1] for r in t]} for t in (JUDGED, FIFTHS)]
    return [t["big_tipper"] for t in transformed(tmp_path_factory.mktemp("trips"), TRIPS, *tables)]


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
def test_a_number_is_standardised_by_the_values_that_are_there_and_a_missing_one_is_zero(fruit, name, trained_on, served):
    np.testing.assert_allclose(fruit[0][name], trained_on, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(fruit[1][name], served, rtol=1e-5, atol=1e-6)


def test_an_amount_is_standardised_in_logarithms_and_a_negative_one_counts_as_nothing(fruit):
    logs = np.array([0, 1, 2, 0])
    expected = (logs - logs.mean()) / logs.std()
    np.testing.assert_allclose(fruit[0]["amount"], [*expected, 0, 0, 0, 0], rtol=1e-5)
    np.testing.assert_allclose(fruit[1]["amount"], [expected[0], expected[1], 0], rtol=1e-5)


def test_a_constant_number_is_zero_everywhere(fruit):
    assert fruit[0]["constant"].tolist() == [0] * 8
    assert fruit[1]["constant"].tolist() == [0] * 3


def test_a_number_that_training_never_saw_is_finite(fruit):
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
def test_a_bucket_is_a_quantile_of_training_and_a_missing_value_has_an_id_of_its_own(fruit, name, trained_on, served):
    assert fruit[0][name].tolist() == trained_on
    assert fruit[1][name].tolist() == served


def test_a_constant_falls_into_one_bucket(fruit):
    ids = fruit[0]["cut_constant"]
    assert len(set(ids[:6])) == 1
    assert ids[6:].tolist() == [4, 4]
    assert fruit[1]["cut_constant"][2] == 4


def test_buckets_that_training_left_empty_leave_missing_its_id(fruit):
    assert fruit[0]["cut_empty"].tolist() == [3] * 8
    assert fruit[1]["cut_empty"][1] == 3
    assert (fruit[1]["cut_empty"][[0, 2]] < 3).all()


# Vocabularies.


def test_the_most_frequent_words_are_known_others_share_an_id_and_missing_has_its_own(fruit):
    #                                  card cash cash card cash ""  none dispute
    assert fruit[0]["word"].tolist() == [1, 0, 0, 1, 0, 3, 3, 2]
    assert fruit[1]["word"].tolist() == [2, 0, 3]
    assert fruit[0]["required_word"].tolist() == [0, 0, 2, 1, 0, 0, 0, 0]
    assert fruit[1]["required_word"].tolist() == [1, 2, 0]


def test_unknown_words_are_spread_over_the_ids_for_them(fruit):
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


def test_a_vocabulary_of_integers_counts_them_as_names(fruit):
    #                                   8 700 700 700 8  9 none 1
    assert fruit[0]["code"].tolist() == [1, 0, 0, 0, 1, 2, 3, 2]
    assert fruit[1]["code"].tolist() == [2, 1, 3]


# Categories.


def test_a_category_is_itself_and_what_is_out_of_range_or_missing_has_ids_behind(fruit):
    assert fruit[0]["hour"].tolist() == [0, 1, 2, 3, 4, 4, 4, 5]
    assert fruit[1]["hour"].tolist() == [4, 4, 3]
    assert fruit[0]["required_hour"].tolist() == [0, 1, 2, 3, 4, 4, 4, 4]
    assert fruit[1]["required_hour"].tolist() == [4, 1, 0]


# All of them.


@pytest.mark.parametrize("table", [0, 1], ids=["trained on", "served"])
def test_every_id_is_one_of_the_declared_number(fruit, table):
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

    with pytest.raises(NotImplementedError, match=r"No Transform rule for Colour: register one in trainer_module\.preprocess"):
        preprocess.transform(Colour(), {})
    with pytest.raises(NotImplementedError, match="No Transform rule for Colour"):
        preprocess.label(Colour(), {})


# Labels.


def test_a_label_stands_in_its_column_and_a_missing_one_is_zero(fruit):
    assert fruit[0]["ripe"].tolist() == [0, 1, 1, 0, 0, 1, 0, 1]
    assert fruit[1]["ripe"].tolist() == [0, 1, 0]


def test_a_tip_above_the_threshold_makes_a_big_tipper(trips):
    assert trips[0].tolist() == [expected for _, _, expected in JUDGED]


def test_missing_fare_is_not_a_big_tipper(trips):
    labels = dict(zip(((str(fare), str(tips)) for fare, tips, _ in JUDGED), trips[0].tolist(), strict=True))
    assert {fare: labels[fare, "5"] for fare in ("None", "nan", "inf")} == {"None": 0, "nan": 0, "inf": 0}


def test_a_tip_of_exactly_the_threshold_is_not_above_it(trips):
    assert dict(zip(FIFTHS, trips[1].tolist(), strict=True)) == dict.fromkeys(FIFTHS, 0)
