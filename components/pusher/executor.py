"""Copies a blessed model to the serving folder."""

from __future__ import annotations

import posixpath
import time
from typing import Any

from tfx import types
from tfx.components.pusher import executor
from tfx.dsl.io import fileio
from tfx.proto import pusher_pb2
from tfx.types import artifact_utils, standard_component_specs
from tfx.utils import io_utils, proto_utils

from components import gate, newer_data, serving_folder
from components.artifacts import ArtifactDict
from components.decision import Decision
from components.pusher import logic
from trainer_module.serving import card

# Custom properties of a PushedModel, as TFX's Pusher sets them: whether the model was pushed, and the folder of the version.
PUSHED = "pushed"
PUSHED_DESTINATION = "pushed_destination"

_BLESSED = Decision(decision="passed", why="The Evaluator has blessed it.")


class Executor(executor.Executor):
    """TFX's executor, except that it copies a model atomically."""

    def Do(self, input_dict: ArtifactDict, output_dict: ArtifactDict, exec_properties: dict[str, Any]) -> None:
        """Pushes the model if it is blessed, and if the served model was not trained on newer data."""
        pushed = artifact_utils.get_single_instance(output_dict[standard_component_specs.PUSHED_MODEL_KEY])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties[standard_component_specs.PUSH_DESTINATION_KEY], destination)
        base, saved_model = destination.filesystem.base_directory, self.GetModelPath(input_dict)
        span = _span(artifact_utils.get_single_instance(input_dict[standard_component_specs.MODEL_BLESSING_KEY]))
        with logic.locked(base):
            # The blessing may be old. Since then, a model with newer data may have been pushed. Or an earlier attempt may have
            # pushed this model and was then killed.
            served = serving_folder.newest(base)
            decision = newer_data.keep_newer_data(_BLESSED, span, served)
            if not decision.passed:
                self._MarkNotPushed(pushed)
                gate.write(decision, pushed.uri)
                return
            if served is None or not _same_model(served, saved_model):
                served = _push(saved_model, base, span)
        io_utils.copy_dir(saved_model, pushed.uri)  # TFX's Pusher also keeps a copy of the pushed model
        self._MarkPushed(pushed, pushed_destination=served, pushed_version=posixpath.basename(served))


def _span(blessing: types.Artifact) -> int | None:
    if blessing.has_custom_property(serving_folder.SPAN):
        return blessing.get_int_custom_property(serving_folder.SPAN)
    return None


def _push(saved_model: str, base: str, span: int | None) -> str:
    """Copies into a folder that no model server reads, then renames it. Returns the folder of the version."""
    for name in logic.unfinished(fileio.listdir(base)):
        fileio.rmtree(posixpath.join(base, name))
    version = logic.next_version(fileio.listdir(base), int(time.time()))
    hidden, final = posixpath.join(base, logic.UNFINISHED + version), posixpath.join(base, version)
    io_utils.copy_dir(saved_model, hidden)
    if span is not None:
        logic.write_span(hidden, span)
    fileio.rename(hidden, final)
    return final


def _same_model(served: str, saved_model: str) -> bool:
    """Returns whether the folder of a version is a copy of a model; False for models without an id."""
    identity = card.identity(saved_model)
    return identity is not None and identity == card.identity(served)
