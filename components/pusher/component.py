"""Pusher: a drop-in for TFX's that never shows a half-copied model and never reuses a version."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration import data_types
from tfx.proto import pusher_pb2
from tfx.types import component_spec, standard_artifacts, standard_component_specs

from components.pusher import executor


class PusherSpec(component_spec.ComponentSpec):
    """The channels of TFX's PusherSpec."""

    PARAMETERS = {
        standard_component_specs.PUSH_DESTINATION_KEY: component_spec.ExecutionParameter(type=pusher_pb2.PushDestination),
        "run_id": component_spec.ExecutionParameter(type=str),
        "code": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = standard_component_specs.PusherSpec.INPUTS
    OUTPUTS = standard_component_specs.PusherSpec.OUTPUTS
    TYPE_ANNOTATION = standard_component_specs.PusherSpec.TYPE_ANNOTATION


class Pusher(base_component.BaseComponent):
    """Delivers a blessed model to a serving folder.

    TFX's Pusher copies file by file into the final folder, names it by the second, and records a push even where it
    found the folder taken. This one copies into a hidden folder beside it and renames; the version is the second, or one
    more than the highest there is.

    Component `outputs` contains:
     - `pushed_model`: Channel of type `standard_artifacts.PushedModel`, with the custom properties of TFX's Pusher.
    """

    SPEC_CLASS = PusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        model_blessing: types.BaseChannel,
        push_destination: pusher_pb2.PushDestination,
        run_id: str | data_types.RuntimeParameter,
        code: str,
    ) -> None:
        """Constructs a Pusher.

        Args:
            model: to be pushed.
            model_blessing: of the Evaluator.
            push_destination: `filesystem.base_directory`: where a model server looks for versions.
            run_id: of this run: whether a model is served is not answered from the cache.
            code: hash of the code that pushes.
        """
        super().__init__(
            PusherSpec(
                model=model,
                model_blessing=model_blessing,
                push_destination=push_destination,
                run_id=run_id,
                code=code,
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )
