"""The messages that a child process sends to its parent through a pipe: one JSON object per line.

| line | message |
|---|---|
| `{}` | `Alive` |
| `{"progress": {"step": 7, ...}}` | `ProgressReport` |
| `{"failed": "..."}` | `Failure` |
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from trainer_module.supervision.progress_report import ProgressReport

# POSIX writes up to 512 bytes to a pipe atomically, even if several threads write. The rest of the line needs some of them.
_REASON_LENGTH = 512 - 50


@dataclass(frozen=True)
class Alive:
    """The process runs."""


@dataclass(frozen=True)
class Failure:
    """The process is about to end, and would fail again if it were restarted.

    Attributes:
        reason: the error, for the user.
    """

    reason: str


Message = Alive | ProgressReport | Failure


def encode(message: Message) -> bytes:
    """Returns the line of a message. It cuts a long reason, so that the line is written atomically."""
    if isinstance(message, ProgressReport):
        fields: dict[str, object] = {"progress": asdict(message)}
    elif isinstance(message, Failure):
        fields = {"failed": message.reason[:_REASON_LENGTH]}
    else:
        fields = {}
    return json.dumps(fields).encode() + b"\n"  # json, not msgspec: a loss may be NaN


def decode(line: bytes) -> Message:
    """Returns the message of a line."""
    fields = json.loads(line)
    if "progress" in fields:
        return ProgressReport(**fields["progress"])
    return Failure(fields["failed"]) if "failed" in fields else Alive()
