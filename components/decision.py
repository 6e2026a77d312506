"""The decision of a gate. (Imports no TFX, because run.json and the terminal use these types.)"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

# Key of the output in which each of this project's gates writes its decision.
OUTPUT_KEY = "decision"

# "unchanged": there is nothing new to evaluate or to push.
DecisionKind: TypeAlias = Literal["passed", "refused", "unchanged"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One reason for a decision.

    Attributes:
        text: a sentence.
        refuses: True if this finding alone makes the gate refuse; False for a warning.
        metric: name of the metric that was compared, if any.
        slice: the slice of the data on which it was compared: "overall" or "column=value".
        value: the metric's value.
        bound: the bound that the value missed.
    """

    text: str
    refuses: bool = True
    metric: str | None = None
    slice: str | None = None
    value: float | None = None
    bound: float | None = None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The decision of a gate.

    Attributes:
        decision: "passed", "refused" or "unchanged".
        why: the reason and the way out, in one paragraph for the user.
        findings: the individual reasons, both refusals and warnings.
    """

    decision: DecisionKind
    why: str
    findings: tuple[Finding, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the nodes after the gate may run."""
        return self.decision == "passed"

    @property
    def refusals(self) -> list[str]:
        """Texts of the findings that refuse."""
        return [finding.text for finding in self.findings if finding.refuses]

    @property
    def warnings(self) -> list[str]:
        """Texts of the findings that do not refuse."""
        return [finding.text for finding in self.findings if not finding.refuses]
