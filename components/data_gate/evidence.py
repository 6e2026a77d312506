"""Counts the rows that an anomaly concerns, and gives example values."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import Any

import numpy.typing as npt
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

_MAX_EXAMPLES = 3

OUT_OF_RANGE = frozenset({"INT_TYPE_SMALL_INT", "INT_TYPE_BIG_INT", "FLOAT_TYPE_SMALL_FLOAT", "FLOAT_TYPE_BIG_FLOAT"})
_TOO_FEW_VALUES = frozenset({"FEATURE_TYPE_LOW_FRACTION_PRESENT", "FEATURE_TYPE_LOW_NUMBER_PRESENT"})


def from_values(batches: Iterable[npt.NDArray[Any]], rows: int, schema: schema_pb2.Schema, feature: str) -> str:
    """Counts the values of a feature that are out of the range of the schema.

    Args:
        batches: the values of the feature, [n] each.
        rows: number of rows of the split.
        schema: the schema, which contains the range.
        feature: name of a numeric feature.
    """
    low, high = _range(schema, feature)
    count, examples = 0, set()
    for batch in batches:
        outside = batch[(batch < low) | (batch > high)]
        count += len(outside)
        examples |= set(outside[:_MAX_EXAMPLES].tolist())
    return f"{count:,} of {rows:,} rows, such as {', '.join(f'{v:g}' for v in sorted(examples)[:_MAX_EXAMPLES])}"


def from_statistics(
    statistics: statistics_pb2.FeatureNameStatistics,
    rows: int,
    kinds: Collection[str],
    schema: schema_pb2.Schema,
    feature: str,
) -> str:
    """Describes, from statistics, how many rows an anomaly concerns.

    Args:
        statistics: statistics of the feature; empty if the feature does not exist.
        rows: number of rows of the split.
        kinds: names of AnomalyInfo.Type.
        schema: the schema that the anomaly violates.
        feature: name of the feature.
    """
    is_numeric = statistics.HasField("num_stats")
    common = statistics.num_stats.common_stats if is_numeric else statistics.string_stats.common_stats
    present = common.num_non_missing
    if not present:
        return f"{rows:,} of {rows:,} rows have no value"
    if _TOO_FEW_VALUES & set(kinds):
        return f"{rows - present:,} of {rows:,} rows have no value"
    if not statistics.HasField("string_stats"):
        return f"{present:,} of {rows:,} rows have values, from {statistics.num_stats.min:g} to {statistics.num_stats.max:g}"
    counts = {b.label: int(b.sample_count) for b in statistics.string_stats.rank_histogram.buckets}
    if "ENUM_TYPE_UNEXPECTED_STRING_VALUES" in kinds:
        allowed = _allowed_strings(schema, feature)
        counts = {value: count for value, count in counts.items() if value not in allowed}
        present = sum(counts.values())
    examples = ", ".join(f"'{value}'" for value in list(counts)[:_MAX_EXAMPLES])
    return f"{present:,} of {rows:,} rows, such as {examples}" if examples else f"{present:,} of {rows:,} rows"


def _allowed_strings(schema: schema_pb2.Schema, name: str) -> frozenset[str]:
    """Returns the values that the schema allows for a string feature; an empty set if it has no domain."""
    domains = {domain.name: domain for domain in schema.string_domain}
    for feature in schema.feature:
        if feature.name == name:
            domain = domains.get(feature.domain) if feature.domain else feature.string_domain
            return frozenset(domain.value if domain else ())
    return frozenset()


def _range(schema: schema_pb2.Schema, name: str) -> tuple[float, float]:
    """Returns the least and the greatest value that the schema allows for a numeric feature."""
    feature = next(f for f in schema.feature if f.name == name)
    domain = feature.int_domain if feature.HasField("int_domain") else feature.float_domain
    low = domain.min if domain.HasField("min") else -math.inf
    return low, domain.max if domain.HasField("max") else math.inf
