"""What a gate decides: an artifact whose property conditions everything behind it, and a file that says why."""

from __future__ import annotations

import posixpath
from typing import Literal

import msgspec
from tfx.dsl.io import fileio
from tfx.types import artifact

DECISION_FILE = "decision.json"
PASSED = "passed"  # custom property of the artifact: 1 or 0, for tfx.dsl.Cond


class GateDecision(artifact.Artifact):
    """A gate's decision. Kubeflow 2 imports the class by the name of its type, with one dot: see `components/__init__.py`."""

    TYPE_NAME = "components.GateDecision"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One reason for a decision.

    Attributes:
        text: a sentence.
        refuses: whether it alone makes the gate refuse; else it is a warning.
        metric: the metric that was compared, if any; and then
        slice: on which slice of the data ("overall" or "column=value"),
        value: what it was,
        bound: and what it had to reach.
    """

    text: str
    refuses: bool = True
    metric: str | None = None
    slice: str | None = None
    value: float | None = None
    bound: float | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate decided.

    Attributes:
        decision: "passed", "refused", or "unchanged" (nothing new to judge).
        why: one paragraph that a person can act on.
        findings: the single reasons, warnings among them.
    """

    decision: Literal["passed", "refused", "unchanged"]
    why: str
    findings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether what follows may run."""
        return self.decision == "passed"


def write(decision: Decision, uri: str) -> None:
    """Writes a decision into an artifact's folder."""
    with fileio.open(posixpath.join(uri, DECISION_FILE), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(decision), indent=2))


def read(uri: str) -> Decision | None:
    """Reads the decision in an artifact's folder; None if there is none."""
    path = posixpath.join(uri, DECISION_FILE)
    if not fileio.exists(path):
        return None
    with fileio.open(path, "rb") as file:
        return msgspec.json.decode(file.read(), type=Decision)


def publish(decision: Decision, output: artifact.Artifact) -> None:
    """Writes a decision into a GateDecision artifact, with the property that conditions read."""
    write(decision, output.uri)
    output.set_int_custom_property(PASSED, int(decision.passed))
