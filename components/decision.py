"""What a gate decides. (No import of TFX: the run record and the terminal read these types.)"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

# Key of the output in which a gate that is a component of ours leaves its decision.
OUTPUT_KEY = "decision"

# "unchanged": there is nothing new to judge.
Verdict: TypeAlias = Literal["passed", "refused", "unchanged"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One reason for a decision.

    Attributes:
        text: a sentence.
        refuses: True if this finding alone makes the gate refuse; False for a warning.
        metric: name of the metric that was compared, if any.
        slice: the slice of the data on which it was compared: "overall" or "column=value".
        value: the metric's value.
        bound: the value that it had to reach.
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
        decision: the verdict.
        why: one paragraph that a person can act on.
        findings: the single reasons: refusals and warnings.
    """

    decision: Verdict
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
