"""Compares the candidate with the champion and the served model, and publishes the decision."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import path_utils

from components import gate, serving_folder
from components.artifacts import ArtifactDict
from components.champion_gate import logic
from components.decision import OUTPUT_KEY
from trainer_module.serving import card


class Executor(base_executor.BaseExecutor):
    """Compares models by the id in the card of each exported model."""

    def Do(self, input_dict: ArtifactDict, output_dict: ArtifactDict, exec_properties: dict[str, Any]) -> None:
        """Publishes a GateDecision."""
        served = serving_folder.newest(exec_properties["serving"])
        decision = logic.decide(
            model=_identity(artifact_utils.get_single_instance(input_dict["model"])),
            champion=next((_identity(model) for model in input_dict.get("champion") or []), None),
            served=card.identity(served) if served else None,
            served_at=served,
        )
        gate.publish(decision, artifact_utils.get_single_instance(output_dict[OUTPUT_KEY]))


def _identity(model: types.Artifact) -> str | None:
    return card.identity(path_utils.serving_model_path(model.uri))
