"""Writes a gate's decision into an artifact: a file with the reason, and a property that conditions read."""

from __future__ import annotations

import posixpath

import msgspec
from tfx.dsl.io import fileio
from tfx.types import artifact

from components.decision import Decision

DECISION_FILE = "decision.json"
PASSED = "passed"  # custom property of the artifact: 1 or 0, for tfx.dsl.Cond


class GateDecision(artifact.Artifact):
    """The decision of a gate. Kubeflow 2 imports this class by the name of its type, from `components/__init__.py`."""

    TYPE_NAME = "components.GateDecision"


def write(decision: Decision, uri: str) -> None:
    """Writes a decision into the folder of an artifact."""
    with fileio.open(posixpath.join(uri, DECISION_FILE), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(decision), indent=2))


def read(uri: str) -> Decision | None:
    """Reads the decision in the folder of an artifact. Returns None if there is no file."""
    path = posixpath.join(uri, DECISION_FILE)
    if not fileio.exists(path):
        return None
    with fileio.open(path, "rb") as file:
        return msgspec.json.decode(file.read(), type=Decision)


def publish(decision: Decision, output: artifact.Artifact) -> None:
    """Writes a decision into a GateDecision artifact and sets the property that conditions read."""
    write(decision, output.uri)
    output.set_int_custom_property(PASSED, int(decision.passed))
