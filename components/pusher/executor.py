"""Copies a blessed model to where it is served."""

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

from components import gate, serving_folder
from components.decision import Decision
from trainer_module.serving import card

# Custom property of a PushedModel, as TFX's Pusher sets it: the version's folder.
PUSHED_DESTINATION = "pushed_destination"

# What the Evaluator has said.
_GOOD = Decision(decision="passed", why="The Evaluator has blessed it.")

ArtifactDict = dict[str, list[types.Artifact]]


class Executor(executor.Executor):
    """TFX's executor but for the delivery itself."""

    def Do(self, input_dict: ArtifactDict, output_dict: ArtifactDict, exec_properties: dict[str, Any]) -> None:
        """Pushes the model if it is blessed."""
        pushed = artifact_utils.get_single_instance(output_dict[standard_component_specs.PUSHED_MODEL_KEY])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed)
            return
        destination = pusher_pb2.PushDestination()
        proto_utils.json_to_proto(exec_properties[standard_component_specs.PUSH_DESTINATION_KEY], destination)
        base, saved_model = destination.filesystem.base_directory, self.GetModelPath(input_dict)
        [blessing] = input_dict[standard_component_specs.MODEL_BLESSING_KEY]
        span = (
            blessing.get_int_custom_property(serving_folder.SPAN) if blessing.has_custom_property(serving_folder.SPAN) else None
        )
        with serving_folder.alone(base):
            # The blessing may be old: what is served now may be of newer data, or this very model, from a try that was cut off.
            served = serving_folder.newest(base)
            decision = serving_folder.older_span(_GOOD, span, served)
            if not decision.passed:
                self._MarkNotPushed(pushed)
                gate.write(decision, pushed.uri)
                return
            if served is None or not _same(served, saved_model):
                served = self._deliver(saved_model, base, span)
        io_utils.copy_dir(saved_model, pushed.uri)  # the archive of what was pushed, as TFX's Pusher keeps it
        self._MarkPushed(pushed, pushed_destination=served, pushed_version=posixpath.basename(served))

    def _deliver(self, saved_model: str, base: str, span: int | None) -> str:
        """Copies under a name that no model server reads, then renames. Returns the version's folder."""
        for name in serving_folder.leftovers(fileio.listdir(base)):
            fileio.rmtree(posixpath.join(base, name))
        version = serving_folder.next_version(fileio.listdir(base), int(time.time()))
        hidden, shown = posixpath.join(base, serving_folder.HIDDEN + version), posixpath.join(base, version)
        io_utils.copy_dir(saved_model, hidden)
        if span is not None:
            serving_folder.write_span(hidden, span)
        fileio.rename(hidden, shown)
        return shown


def _same(served: str, saved_model: str) -> bool:
    """Whether a version is a copy of a model."""
    identity = card.identity(saved_model)
    return identity is not None and identity == card.identity(served)
