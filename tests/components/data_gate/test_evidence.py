"""How many rows an anomaly concerns, with example values. (What a gate says with it: test_logic.py.)"""

import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from components.data_gate import evidence


def schema(text):
    return text_format.Parse(text, schema_pb2.Schema())


@pytest.mark.parametrize(
    ("domain", "batches", "text"),
    [
        ("float_domain { min: 0 max: 10 }", [[1.0, -2.0, 11.5], [-3.0]], "3 of 4,000 rows, such as -3, -2, 11.5"),
        ("float_domain { min: 0 }", [[1e6, -1.0]], "1 of 4,000 rows, such as -1"),
        ("int_domain { max: 3 }", [[4, 4, 4, 9, 8, 7], [-5]], "6 of 4,000 rows, such as 4"),
    ],
)
def test_values_out_of_range_are_counted_in_all_batches(domain, batches, text):
    declared = schema(f'feature {{ name: "fare" {domain} }}')
    arrays = [np.array(batch) for batch in batches]
    assert evidence.from_values(arrays, 4000, declared, "fare") == text


NUMBERS = "num_stats { common_stats { num_non_missing: %d } min: -1.5 max: 20 }"
STRINGS = """string_stats { common_stats { num_non_missing: 90 } rank_histogram {
    buckets { label: "Cash" sample_count: 60 }
    buckets { label: "Card" sample_count: 20 }
    buckets { label: "?" sample_count: 10 }
} }"""


@pytest.mark.parametrize(
    ("statistics", "kinds", "text"),
    [
        ("", (), "100 of 100 rows have no value"),
        (NUMBERS % 90, ("FEATURE_TYPE_LOW_FRACTION_PRESENT",), "10 of 100 rows have no value"),
        (NUMBERS % 90, ("UNEXPECTED_DATA_TYPE",), "90 of 100 rows have values, from -1.5 to 20"),
        (STRINGS, ("UNEXPECTED_DATA_TYPE",), "90 of 100 rows, such as 'Cash', 'Card', '?'"),
        (STRINGS, ("ENUM_TYPE_UNEXPECTED_STRING_VALUES",), "10 of 100 rows, such as '?'"),
    ],
)
@pytest.mark.parametrize(
    "declared",
    [
        'feature { name: "f" domain: "d" } string_domain { name: "d" value: "Cash" value: "Card" }',
        'feature { name: "f" string_domain { value: "Cash" value: "Card" } }',
    ],
    ids=["a domain of the schema", "a domain of the feature"],
)
def test_statistics_say_how_many_rows_and_which_values(statistics, kinds, text, declared):
    known = text_format.Parse(statistics, statistics_pb2.FeatureNameStatistics())
    assert evidence.from_statistics(known, 100, kinds, schema(declared), "f") == text
