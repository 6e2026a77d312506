"""What is known of every trial of a search: `trials.json` in its folder, whole at any moment, and a log record for a screen."""

from __future__ import annotations

import logging
import posixpath
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import tensorflow as tf

from data.tasks import Direction
from trainer_module.files import json_file

# Whoever shows a search attaches a handler to this logger and reads the `trials` of its records.
LOGGER = logging.getLogger(__name__)

FILE = "trials.json"
PLOT = "trials.png"
EVERY_SECONDS = 1.0

TrialState = Literal["running", "completed", "stopped early", "failed", "interrupted"]


@dataclass(frozen=True)
class TrialSummary:
    """One trial.

    Attributes:
        id: KerasTuner's; a number.
        state: "stopped early" has a value like "completed"; "interrupted" goes on when the search does.
        values: of the hyper-parameters.
        metric: name of the objective.
        direction: which way it gets better.
        objective: its value, None before the first evaluation.
        step: that it has reached, as far as is known.
        steps: that it is to train.
        seconds: that its processes took.
        resumed_from: the step its last process began at.
        continues: the trial whose checkpoint it began with, if any.
        why: why it failed or was stopped.
        log: file that its processes wrote to.
        curve: (step, objective) of every evaluation.
    """

    id: str
    state: TrialState
    values: dict[str, Any]
    metric: str
    direction: Direction
    objective: float | None = None
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    resumed_from: int = 0
    continues: str | None = None
    why: str = ""
    log: str = ""
    curve: list[tuple[int, float]] = field(default_factory=list)


class TrialTable:
    """The records of a search."""

    def __init__(self, folder: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Takes over the records that an earlier run has left in the search's folder. `clock`: in seconds."""
        self._path = posixpath.join(folder, FILE)
        self._records = {record.id: record for record in read(folder)}
        self._clock = clock
        self._told_at = -float("inf")

    @property
    def records(self) -> list[TrialSummary]:
        """All, in the order of their numbers."""
        return [self._records[key] for key in sorted(self._records, key=int)]

    def get(self, trial_id: str) -> TrialSummary | None:
        """Returns what is known of a trial."""
        return self._records.get(trial_id)

    def put(self, record: TrialSummary) -> None:
        """Takes a record. The file is written when anything but step and time has changed."""
        known = self._records.get(record.id)
        self._records[record.id] = record
        if known is None or replace(known, step=record.step, seconds=record.seconds) != record:
            json_file.write(self._path, [asdict(r) for r in self.records])
            self._told_at = -float("inf")

    def keep(self, trial_ids: Sequence[str]) -> None:
        """Forgets all other trials: what the oracle does not know has not been."""
        self._records = {key: record for key, record in self._records.items() if key in trial_ids}

    def tell(self) -> None:
        """Writes a log record with all trials, every EVERY_SECONDS and after every change."""
        if self._clock() - self._told_at < EVERY_SECONDS:
            return
        self._told_at = self._clock()
        running = [f"trial {r.id} at step {r.step} of {r.steps}" for r in self.records if r.state == "running"]
        ended = sum(r.state not in ("running", "interrupted") for r in self.records)
        extra = {"trials": [asdict(r) for r in self.records]}
        LOGGER.info("%d trials have ended; %s", ended, ", ".join(running) or "none is running", extra=extra)


def read(folder: str) -> list[TrialSummary]:
    """Reads the records in the folder of a search, none if there is none."""
    return json_file.read(posixpath.join(folder, FILE), list[TrialSummary]) or []


def newest(root: str, since: float) -> str | None:
    """Returns the folder of the search that was written to last.

    Args:
        root: of all searches.
        since: seconds since 1970; one that was not written to since then does not count.
    """
    found = [(tf.io.gfile.stat(path).mtime_nsec / 1e9, path) for path in tf.io.gfile.glob(posixpath.join(root, "*", FILE))]
    at, path = max(found, default=(0.0, ""))
    return posixpath.dirname(path) if path and at >= since else None
