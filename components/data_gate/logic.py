"""Turns anomalies into a decision."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2

from components.data_gate import evidence
from components.decision import Decision, Finding
from data import AnomalyPolicy, Dataset

# Greatest number of refusals in the paragraph. decision.json contains all of them.
_MAX_LISTED = 6


@dataclass(frozen=True)
class SplitData:
    """The anomalies and statistics of one split.

    Attributes:
        anomalies: output of ExampleValidator.
        statistics: output of StatisticsGen.
        values: reads the values of a numeric feature again, in batches: statistics do not count how many are out of range.
    """

    anomalies: anomalies_pb2.Anomalies
    statistics: statistics_pb2.DatasetFeatureStatisticsList
    values: Callable[[str], Iterable[npt.NDArray[Any]]] | None = None

    @property
    def rows(self) -> int:
        """Number of examples."""
        return sum(d.num_examples for d in self.statistics.datasets)

    def feature(self, name: str) -> statistics_pb2.FeatureNameStatistics:
        """Returns the statistics of a feature; empty ones if it does not exist."""
        for dataset in self.statistics.datasets:
            for feature in dataset.features:
                if (feature.name or ".".join(feature.path.step)) == name:
                    return feature
        return statistics_pb2.FeatureNameStatistics()


def decide(splits: Mapping[str, SplitData], schema: schema_pb2.Schema, dataset: Dataset) -> Decision:
    """Decides whether the data of a run may be trained on.

    Args:
        splits: split name -> its anomalies and statistics.
        schema: the schema that ExampleValidator compared with.
        dataset: its policy decides which kinds of anomaly warn and which refuse.
    """
    findings = tuple(f for name, split in splits.items() for f in _findings(name, split, schema, dataset.anomalies))
    refusals = [f.text for f in findings if f.refuses]
    warnings = [f.text for f in findings if not f.refuses]
    rows = ", ".join(f"{split.rows:,} rows in '{name}'" for name, split in splits.items())
    if len(refusals) > _MAX_LISTED:
        refusals = [*refusals[:_MAX_LISTED], f"And {len(refusals) - _MAX_LISTED} more."]
    if not refusals:
        why = f"The data fits its schema: {rows}." + (" Warning: " + " ".join(warnings) if warnings else "")
        return Decision(decision="passed", why=why, findings=findings)
    way_out = (
        "Correct the data and run again. Or, if the data will be like this from now on, accept it: "
        f"`python -m pipeline schema accept --dataset {dataset.name}` shows the difference and updates the reviewed schema."
    )
    if any(not split.rows for split in splits.values()):
        way_out = "Give it more rows."
    return Decision(decision="refused", why=" ".join([*refusals, way_out]), findings=findings)


def _findings(name: str, split: SplitData, schema: schema_pb2.Schema, policy: AnomalyPolicy) -> Iterator[Finding]:
    if not split.rows:
        yield Finding(text=f"The '{name}' split is empty: 0 rows.")
        return
    for feature, info in sorted(split.anomalies.anomaly_info.items()):
        # A feature has one anomaly, with one or several reasons. The gate refuses if the policy refuses one of these.
        kinds, refused = _kinds(info, policy)
        texts = "; ".join(r.description.rstrip(". ") for r in info.reason) or info.description.rstrip(". ")
        rows = _affected_rows(split, feature, kinds, schema)
        yield Finding(
            text=f"'{feature}' in split '{name}': {texts} ({', '.join(refused or kinds)}): {rows}.", refuses=bool(refused)
        )
    if split.anomalies.HasField("dataset_anomaly_info"):
        info = split.anomalies.dataset_anomaly_info
        kinds, refused = _kinds(info, policy)
        yield Finding(text=f"Split '{name}': {info.description}", refuses=bool(refused) or not kinds)


def _kinds(info: anomalies_pb2.AnomalyInfo, policy: AnomalyPolicy) -> tuple[list[str], list[str]]:
    """Returns the kinds of an anomaly, and those of them that the policy refuses."""
    kinds = [anomalies_pb2.AnomalyInfo.Type.Name(reason.type) for reason in info.reason]
    return kinds, [kind for kind in kinds if policy.action(kind) == "refuse"]


def _affected_rows(split: SplitData, feature: str, kinds: list[str], schema: schema_pb2.Schema) -> str:
    if split.values and evidence.OUT_OF_RANGE & set(kinds):
        return evidence.from_values(split.values(feature), split.rows, schema, feature)
    return evidence.from_statistics(split.feature(feature), split.rows, kinds, schema, feature)
