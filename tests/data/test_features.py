"""Features of a dataset: their cardinalities, columns and types; and the policy for anomalies."""

import dataclasses

import pytest

from data import AnomalyPolicy, Bucketized, Categorical, Dataset, Numeric, RatioLabel, Text, Vocabulary, Window

FARE = Numeric("fare")
MILES = Bucketized("miles", buckets=4)
HOUR = Categorical("hour", size=24)
PAY = Vocabulary("pay", size=10, oov=3)
REVIEW = Text("review", length=50, size=20, oov=2)
PAST = Window("past", 12)

TRIPS = Dataset(
    name="trips",
    features=(FARE, MILES, HOUR, PAY),
    label=RatioLabel("big_tipper", numerator="tips", denominator="fare", threshold=0.2),
    other_columns={"trip_id": "string", "hour": "string"},
    sample="trips.csv",
)


@pytest.mark.parametrize(
    ("feature", "cardinality"),
    [
        (MILES, 4 + 1),  # + missing
        (HOUR, 24 + 2),  # + out of range, missing
        (PAY, 10 + 3 + 1),  # + out of vocabulary, missing
        (REVIEW, 1 + 20 + 2),  # padding + words + out of vocabulary
    ],
)
def test_the_cardinality_includes_the_ids_for_unknown_and_missing_values(feature, cardinality):
    assert feature.cardinality == cardinality


def test_every_feature_is_either_numeric_or_categorical():
    assert TRIPS.numeric == (FARE,)
    assert TRIPS.categorical == (MILES, HOUR, PAY)


def test_the_columns_are_those_of_the_features_and_the_label():
    assert TRIPS.columns == {"fare": "float32", "miles": "float32", "hour": "int64", "pay": "string", "tips": "float32"}


def test_types_include_other_columns_and_a_feature_decides_its_own_type():
    assert TRIPS.types == {**TRIPS.columns, "trip_id": "string"}


def test_texts_are_strings_and_windows_are_floats():
    assert REVIEW.dtype == "string"
    assert PAST.dtype == "float32"


def test_by_default_a_new_column_warns_and_every_other_anomaly_refuses():
    policy = AnomalyPolicy()
    assert policy.action("SCHEMA_NEW_COLUMN") == "warn"
    assert policy.action("SCHEMA_MISSING_COLUMN") == "refuse"


def test_a_configured_policy_replaces_the_default():
    policy = AnomalyPolicy(kinds={"SCHEMA_MISSING_COLUMN": "refuse"}, otherwise="warn")
    assert policy.action("SCHEMA_MISSING_COLUMN") == "refuse"
    assert policy.action("SCHEMA_NEW_COLUMN") == "warn"


@pytest.mark.parametrize("declared", [FARE, MILES, HOUR, PAY, REVIEW, PAST, TRIPS.label, TRIPS.anomalies, TRIPS])
def test_declarations_are_frozen(declared):
    field = dataclasses.fields(declared)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(declared, field, None)


@pytest.mark.parametrize("kind", [lambda: Vocabulary("pay", oov=0), lambda: Text("said", oov=0)])
def test_a_vocabulary_needs_at_least_one_id_for_unknown_words(kind):
    with pytest.raises(ValueError, match="oov must be at least 1"):
        kind()
