"""Finds the hyper-parameters of a run without a search: those of the newest search for its dataset and model."""

from __future__ import annotations

import json
from collections.abc import Mapping

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.common import resolver
from tfx.types import artifact

_OUTPUTS = (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.INTERNAL_OUTPUT)


class LatestTunedStrategy(resolver.ResolverStrategy):
    """Resolves to the newest artifact whose execution has this dataset and model in its `custom_config`, if there is one.

    Use it in a Resolver with a channel of HyperParameters:

        Resolver(
            strategy_class=LatestTunedStrategy,
            config={"dataset": "taxi", "model": "custom_wide_deep"},
            hyperparameters=Channel(type=standard_artifacts.HyperParameters),
        )

    The newest artifact is the last output of a Tuner. A search that TFX takes from its cache counts as new. (TFX's
    LatestArtifactStrategy ignores models: after a search for one model, all models would get its values.)
    """

    def __init__(self, dataset: str, model: str) -> None:
        """`dataset`, `model`: names."""
        self._names = {"dataset": dataset, "model": model}

    def resolve_artifacts(
        self, store: mlmd.MetadataStore, input_dict: Mapping[str, list[artifact.Artifact]]
    ) -> dict[str, list[artifact.Artifact]]:
        """Returns at most one artifact for each channel."""
        return {key: self._newest(store, artifacts) for key, artifacts in input_dict.items()}

    def _newest(self, store: mlmd.MetadataStore, artifacts: list[artifact.Artifact]) -> list[artifact.Artifact]:
        by_id = {a.id: a for a in artifacts}
        events = [e for e in store.get_events_by_artifact_ids(list(by_id)) if e.type in _OUTPUTS] if by_id else []
        executions = {e.id: e for e in store.get_executions_by_id([event.execution_id for event in events])} if events else {}
        matching = [event for event in events if self._names.items() <= _names(executions[event.execution_id]).items()]
        newest = max(matching, key=lambda event: event.execution_id, default=None)
        return [by_id[newest.artifact_id]] if newest else []


def _names(execution: metadata_store_pb2.Execution) -> dict[str, str]:
    """Returns the settings in an execution's `custom_config` that are text."""
    config = json.loads(execution.custom_properties["custom_config"].string_value or "null") or {}
    return {key: value for key, value in config.items() if isinstance(value, str)}
