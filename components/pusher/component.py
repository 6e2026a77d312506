"""Pusher: replaces TFX's Pusher. It never exposes a half-copied model, and never uses a version twice."""

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
    """Pushes a blessed model to a serving folder.

    TFX's Pusher copies file by file into the final folder, so a model server may load half a model. It names the folder by the
    time in seconds, and reports a push even if that folder already exists. This one copies into a hidden folder beside the
    final one, then renames it. The version is the time in seconds, or the highest version plus one.

        pusher = Pusher(model, evaluator.outputs["blessing"], push_destination, run_id=run_id, code=code)

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
            model: the model to push.
            model_blessing: the output of the Evaluator.
            push_destination: its `filesystem.base_directory` is the folder in which a model server looks for versions.
            run_id: id of this run. A new id in every run prevents a cached push: its version may have been removed.
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
