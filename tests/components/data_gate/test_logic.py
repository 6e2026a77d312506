"""The data gate decides on real TFDV results for small tables: what passes, warns or is refused, and with which text."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import tensorflow_data_validation as tfdv
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_gate import logic
from data import AnomalyPolicy, BinaryLabel, Categorical, Dataset, Numeric, Vocabulary

TRIPS = Dataset(
    name="trips",
    features=(Numeric("fare"), Categorical("hour", size=24), Vocabulary("payment")),
    label=BinaryLabel("tip"),
    sample="trips.csv",
)
SCHEMA = """
feature { name: "fare" type: FLOAT presence { min_fraction: 0.5 min_count: 1 } }
feature { name: "hour" type: INT int_domain { min: 0 max: 23 } presence { min_fraction: 1 min_count: 1 } }
feature { name: "payment" type: BYTES domain: "payment" presence { min_fraction: 1 min_count: 1 } }
string_domain { name: "payment" value: "Cash" value: "Card" }
"""
GOOD = {"fare": [1.0, 2.0, 3.0, 4.0, 5.0], "hour": [0, 6, 12, 18, 23], "payment": ["Cash", "Card", "Cash", "Card", "Cash"]}
NEW_COLUMN = {**GOOD, "mood": ["fine", "fine", "fine", "bad", "fine"]}


def split(columns: dict, schema: schema_pb2.Schema) -> logic.SplitData:
    statistics = tfdv.generate_statistics_from_dataframe(pd.DataFrame(columns))
    return logic.SplitData(tfdv.validate_statistics(statistics, schema), statistics)


def decide(train: dict, evaluation: dict = GOOD, schema: str = SCHEMA, dataset: Dataset = TRIPS) -> logic.Decision:
    parsed = text_format.Parse(schema, schema_pb2.Schema())
    return logic.decide({"train": split(train, parsed), "eval": split(evaluation, parsed)}, parsed, dataset)


def refusal(train: dict, **kwargs) -> str:
    """Asserts that the data is refused. Returns the text of the only refusing finding."""
    decision = decide(train, **kwargs)
    assert decision.decision == "refused"
    assert not decision.passed
    (finding,) = [f for f in decision.findings if f.refuses]
    assert finding.text in decision.why
    return finding.text


def test_clean_data_passes_with_its_row_counts():
    decision = decide(GOOD)
    assert decision.passed
    assert decision.findings == ()
    assert decision.why == "The data fits its schema: 5 rows in 'train', 5 rows in 'eval'."


def test_missing_values_within_the_bounds_of_the_schema_pass():
    assert decide({**GOOD, "fare": [1.0, None, None, 4.0, 5.0]}).passed


def test_an_unexpected_value_is_refused_with_rows_and_values():
    text = refusal({**GOOD, "payment": ["Cash", "Shells", "Bitcoin", "Bitcoin", "Card"]})
    assert text.startswith("'payment' in split 'train': ")
    assert "(ENUM_TYPE_UNEXPECTED_STRING_VALUES)" in text
    assert text.endswith(": 3 of 5 rows, such as 'Bitcoin', 'Shells'.")


def test_an_unexpected_value_is_compared_with_a_domain_inside_the_feature():
    inside = 'feature { name: "payment" type: BYTES string_domain { value: "Cash" } }'
    text = refusal({"payment": ["Cash", "Card", "Cash"]}, evaluation={"payment": ["Cash"]}, schema=inside)
    assert text.endswith(": 1 of 3 rows, such as 'Card'.")


def test_a_missing_column_is_refused():
    text = refusal({k: v for k, v in GOOD.items() if k != "fare"})
    assert text.startswith("'fare' in split 'train': Column is completely missing (SCHEMA_MISSING_COLUMN)")
    assert text.endswith(": 5 of 5 rows have no value.")


def test_too_many_missing_values_are_refused_with_their_number():
    text = refusal({**GOOD, "fare": [1.0, None, None, None, 5.0]})
    assert "minimum fraction = 0.500000, actual = 0.400000" in text
    assert text.endswith("(FEATURE_TYPE_LOW_FRACTION_PRESENT): 3 of 5 rows have no value.")


def test_a_column_without_any_value_is_refused():
    text = refusal({**GOOD, "fare": pd.Series([None] * 5, dtype="float32")})
    assert text.endswith(": 5 of 5 rows have no value.")


def test_text_in_place_of_numbers_is_refused_with_examples():
    text = refusal({**GOOD, "fare": ["cheap"] * 5})
    assert text == (
        "'fare' in split 'train': Expected data of type: FLOAT but got STRING (UNEXPECTED_DATA_TYPE): "
        "5 of 5 rows, such as 'cheap'."
    )


def test_whole_numbers_in_place_of_floats_are_refused_with_their_range():
    text = refusal({**GOOD, "fare": [1, 2, 3, 4, 5]})
    assert text.endswith("FLOAT but got INT (UNEXPECTED_DATA_TYPE): 5 of 5 rows have values, from 1 to 5.")


def test_a_number_outside_its_domain_is_refused_with_the_range():
    text = refusal({**GOOD, "hour": [0, 6, 12, 18, 99]})
    assert "(INT_TYPE_BIG_INT)" in text
    assert text.endswith("from 0 to 99.")


def test_values_outside_their_domain_are_counted_if_the_data_can_be_read_again():
    parsed = text_format.Parse(SCHEMA, schema_pb2.Schema())
    hours = [0, 6, 99, -2, 99]
    train = dataclasses.replace(split({**GOOD, "hour": hours}, parsed), values=lambda name: iter([np.array(hours)]))
    decision = logic.decide({"train": train}, parsed, TRIPS)
    assert decision.why.count("3 of 5 rows, such as -2, 99") == 1


def test_an_anomaly_in_the_evaluation_split_is_refused_too():
    text = refusal(GOOD, evaluation={**GOOD, "payment": ["Shells"] * 5})
    assert text.startswith("'payment' in split 'eval': ")


def test_a_new_column_only_warns():
    decision = decide(NEW_COLUMN)
    assert decision.passed
    (finding,) = decision.findings
    assert not finding.refuses
    assert finding.text.startswith("'mood' in split 'train': ")
    assert "(SCHEMA_NEW_COLUMN)" in finding.text
    assert decision.why.endswith(f"5 rows in 'eval'. Warning: {finding.text}")


def test_a_policy_may_refuse_a_new_column():
    strict = dataclasses.replace(TRIPS, anomalies=AnomalyPolicy(kinds={}))
    assert "(SCHEMA_NEW_COLUMN)" in refusal(NEW_COLUMN, dataset=strict)


def test_a_policy_may_let_a_missing_column_pass():
    lenient = dataclasses.replace(TRIPS, anomalies=AnomalyPolicy(kinds={"SCHEMA_MISSING_COLUMN": "warn"}))
    decision = decide({k: v for k, v in GOOD.items() if k != "fare"}, dataset=lenient)
    assert decision.passed
    assert "(SCHEMA_MISSING_COLUMN)" in decision.why


def test_a_refusal_names_only_the_kinds_that_refuse():
    # The required shape and the missing values are two reasons of one anomaly.
    both = SCHEMA.replace('name: "fare" type: FLOAT', 'name: "fare" type: FLOAT shape { dim { size: 1 } }')
    lenient = dataclasses.replace(TRIPS, anomalies=AnomalyPolicy(kinds={"INVALID_FEATURE_SHAPE": "warn"}))
    text = refusal({**GOOD, "fare": [1.0, None, None, None, 5.0]}, schema=both, dataset=lenient)
    assert "(FEATURE_TYPE_LOW_FRACTION_PRESENT)" in text


def test_the_reasons_of_a_refusal_contain_no_warning():
    decision = decide({**NEW_COLUMN, "hour": [0, 6, 12, 18, 99]})
    assert [f.refuses for f in decision.findings] == [True, False]
    assert "mood" not in decision.why


@pytest.mark.parametrize("empty", ["train", "eval"])
def test_an_empty_split_is_refused(empty):
    no_rows = {k: v[:0] for k, v in GOOD.items()}
    decision = decide(no_rows) if empty == "train" else decide(GOOD, evaluation=no_rows)
    assert decision.decision == "refused"
    assert decision.why == f"The '{empty}' split is empty: 0 rows. Give it more rows."


TOO_FEW = SCHEMA + "dataset_constraints { min_examples_count: 6 }"


def test_fewer_rows_than_the_minimum_of_the_schema_are_refused():
    decision = decide(GOOD, schema=TOO_FEW)
    assert decision.decision == "refused"
    assert decision.why.startswith("Split 'train': The dataset has 5 examples, which is fewer than expected.")


def test_a_policy_may_let_too_few_rows_pass():
    lenient = dataclasses.replace(TRIPS, anomalies=AnomalyPolicy(kinds={"DATASET_LOW_NUM_EXAMPLES": "warn"}))
    decision = decide(GOOD, schema=TOO_FEW, dataset=lenient)
    assert decision.passed
    assert "fewer than expected" in decision.why


def test_a_refusal_ends_with_two_possible_fixes():
    why = decide({**GOOD, "payment": ["Shells"] * 5}).why
    assert "Correct the data and run again" in why
    assert "`python -m pipeline schema accept --dataset trips`" in why


def test_a_refusal_is_one_paragraph():
    assert "\n" not in decide({**GOOD, "payment": ["Shells"] * 5, "hour": [99] * 5}).why
