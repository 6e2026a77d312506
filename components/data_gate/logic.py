"""From anomalies to a decision."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy.typing as npt
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.decision import Decision, Finding
from data import AnomalyPolicy, Dataset

_EXAMPLE_VALUES = 3
_SAID = 6  # findings in the paragraph; all of them stand in the decision's file

_OUT_OF_RANGE = {"INT_TYPE_SMALL_INT", "INT_TYPE_BIG_INT", "FLOAT_TYPE_SMALL_FLOAT", "FLOAT_TYPE_BIG_FLOAT"}

_Stats: TypeAlias = statistics_pb2.FeatureNameStatistics


@dataclass(frozen=True)
class Split:
    """What is known of one split."""

    anomalies: anomalies_pb2.Anomalies
    statistics: statistics_pb2.DatasetFeatureStatisticsList
    # Reads the values of a numeric feature again, in batches: statistics do not count those that are out of range.
    values: Callable[[str], Iterable[npt.NDArray[Any]]] | None = None

    @property
    def rows(self) -> int:
        """Number of examples."""
        return sum(d.num_examples for d in self.statistics.datasets)

    def feature(self, name: str) -> _Stats:
        """Returns the statistics of a feature, empty ones if it is not there."""
        for dataset in self.statistics.datasets:
            for feature in dataset.features:
                if (feature.name or ".".join(feature.path.step)) == name:
                    return feature
        return _Stats()


def decide(splits: Mapping[str, Split], schema: schema_pb2.Schema, dataset: Dataset) -> Decision:
    """Decides on the data of a run.

    Args:
        splits: split name -> what is known of it.
        schema: that the anomalies were found against.
        dataset: its policy says which kinds of anomaly warn and which refuse.
    """
    findings = tuple(f for name, split in splits.items() for f in _findings(name, split, schema, dataset.anomalies))
    refusals = [f.text for f in findings if f.refuses]
    warnings = [f.text for f in findings if not f.refuses]
    rows = ", ".join(f"{split.rows:,} rows in '{name}'" for name, split in splits.items())
    if len(refusals) > _SAID:
        refusals = [*refusals[:_SAID], f"And {len(refusals) - _SAID} more."]
    if not refusals:
        text = f"The data fits its schema: {rows}." + (" Warning: " + " ".join(warnings) if warnings else "")
        return Decision(decision="passed", why=text, findings=findings)
    way_out = (
        "Mend the data and run again; or, if this is how the data is from now on, accept it: "
        f"`python -m pipeline schema accept --dataset {dataset.name}` shows the difference and updates the reviewed schema."
    )
    if any(not split.rows for split in splits.values()):
        way_out = "Give it more rows."
    return Decision(decision="refused", why=" ".join([*refusals, way_out]), findings=findings)


def _findings(name: str, split: Split, schema: schema_pb2.Schema, policy: AnomalyPolicy) -> Iterator[Finding]:
    if not split.rows:
        yield Finding(text=f"The '{name}' split is empty: 0 rows.")
        return
    anomalies = split.anomalies
    for feature, info in sorted(anomalies.anomaly_info.items()):
        # A feature has one anomaly with, possibly, several reasons; what the policy refuses decides.
        kinds = [anomalies_pb2.AnomalyInfo.Type.Name(r.type) for r in info.reason]
        refused = [k for k in kinds if policy.action(k) == "refuse"]
        texts = "; ".join(r.description.rstrip(". ") for r in info.reason) or info.description.rstrip(". ")
        evidence = None
        if _OUT_OF_RANGE & set(kinds) and split.values:
            evidence = _out_of_range(split.values(feature), split.rows, _range(schema, feature))
        evidence = evidence or _evidence(split.feature(feature), split.rows, kinds, _domain(schema, feature))
        yield Finding(
            text=f"'{feature}' in split '{name}': {texts} ({', '.join(refused or kinds)}): {evidence}.",
            refuses=bool(refused),
        )
    if anomalies.HasField("dataset_anomaly_info"):
        info = anomalies.dataset_anomaly_info
        kinds = [anomalies_pb2.AnomalyInfo.Type.Name(r.type) for r in info.reason]
        refused = [k for k in kinds if policy.action(k) == "refuse"]
        yield Finding(text=f"Split '{name}': {info.description}", refuses=bool(refused) or not kinds)


def _domain(schema: schema_pb2.Schema, name: str) -> frozenset[str]:
    """Returns the values that the schema allows for a string feature; none if it does not say."""
    domains = {d.name: d for d in schema.string_domain}
    for feature in schema.feature:
        if feature.name == name:
            domain = domains.get(feature.domain) if feature.domain else feature.string_domain
            return frozenset(domain.value if domain else ())
    return frozenset()


def _range(schema: schema_pb2.Schema, name: str) -> tuple[float, float]:
    """Returns the least and the greatest value that the schema allows for a number."""
    feature = next(f for f in schema.feature if f.name == name)
    domain = feature.int_domain if feature.HasField("int_domain") else feature.float_domain
    low = domain.min if domain.HasField("min") else -math.inf
    return low, domain.max if domain.HasField("max") else math.inf


def _out_of_range(batches: Iterable[npt.NDArray[Any]], rows: int, bounds: tuple[float, float]) -> str:
    """Counts the values outside of bounds and gives examples."""
    count, seen = 0, set()
    for batch in batches:
        outside = batch[(batch < bounds[0]) | (batch > bounds[1])]
        count += len(outside)
        seen |= set(outside[:_EXAMPLE_VALUES].tolist())
    return f"{count:,} of {rows:,} rows, such as {', '.join(f'{v:g}' for v in sorted(seen)[:_EXAMPLE_VALUES])}"


def _evidence(stats: _Stats, rows: int, kinds: Iterable[str], domain: frozenset[str]) -> str:
    """Says how many rows are concerned and gives example values."""
    common = stats.num_stats.common_stats if stats.HasField("num_stats") else stats.string_stats.common_stats
    present = common.num_non_missing
    if not present:
        return f"{rows:,} of {rows:,} rows have no value"
    if {"FEATURE_TYPE_LOW_FRACTION_PRESENT", "FEATURE_TYPE_LOW_NUMBER_PRESENT"} & set(kinds):
        return f"{rows - present:,} of {rows:,} rows have no value"
    if stats.HasField("string_stats"):
        counts = {b.label: int(b.sample_count) for b in stats.string_stats.rank_histogram.buckets}
        if "ENUM_TYPE_UNEXPECTED_STRING_VALUES" in kinds:
            counts = {value: n for value, n in counts.items() if value not in domain}
            present = sum(counts.values())
        values = ", ".join(f"'{value}'" for value in list(counts)[:_EXAMPLE_VALUES])
        return f"{present:,} of {rows:,} rows, such as {values}" if values else f"{present:,} of {rows:,} rows"
    return f"{present:,} of {rows:,} rows have values, from {stats.num_stats.min:g} to {stats.num_stats.max:g}"
