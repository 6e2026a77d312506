"""Which hyper-parameters a run without a search uses: those that the newest search for its dataset and model has found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import ml_metadata as mlmd
from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.components.common import resolver
from tfx.types import artifact

_OUTPUTS = (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.INTERNAL_OUTPUT)


class LatestTunedStrategy(resolver.ResolverStrategy):
    """Resolves to the newest artifact whose producer's `custom_config` names a dataset and a model; to nothing without one.

    To be used in a Resolver, with a channel of HyperParameters. The newest is the one that a Tuner has handed on last: a
    search that TFX has answered from its cache counts as new. (LatestArtifactStrategy knows nothing of models: after a search
    for one model it would hand its values to every other.)
    """

    def __init__(self, dataset: str, model: str) -> None:
        """`dataset`, `model`: names."""
        self._wanted = {"dataset": dataset, "model": model}

    def resolve_artifacts(
        self, store: mlmd.MetadataStore, input_dict: Mapping[str, list[artifact.Artifact]]
    ) -> dict[str, list[artifact.Artifact]]:
        """Returns at most one artifact a channel."""
        return {key: self._newest(store, artifacts) for key, artifacts in input_dict.items()}

    def _newest(self, store: mlmd.MetadataStore, artifacts: list[artifact.Artifact]) -> list[artifact.Artifact]:
        by_id = {a.id: a for a in artifacts}
        events = [e for e in store.get_events_by_artifact_ids(list(by_id)) if e.type in _OUTPUTS] if by_id else []
        executions = {e.id: e for e in store.get_executions_by_id([event.execution_id for event in events])} if events else {}
        handed_on = [event for event in events if self._wanted.items() <= _settings(executions[event.execution_id]).items()]
        newest = max(handed_on, key=lambda event: event.execution_id, default=None)
        return [by_id[newest.artifact_id]] if newest else []


def _settings(execution: metadata_store_pb2.Execution) -> dict[str, Any]:
    """Returns the names in an execution's `custom_config`."""
    config = json.loads(execution.custom_properties["custom_config"].string_value or "null") or {}
    return {key: value for key, value in config.items() if isinstance(value, str)}
