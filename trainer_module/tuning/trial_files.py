"""The files in the folder of a trial: its description, which the search writes, and its report, which the trial writes."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field

from data.tasks import Direction
from trainer_module.files import json_file
from trainer_module.training.job import Job
from trainer_module.tuning import stopping

SPEC = "spec.json"
REPORT = "report.json"


@dataclass(frozen=True)
class TrialSpec:
    """The description of a trial, for its process.

    Attributes:
        job: the training; `settings.best` is the objective.
        search_folder: folder of the search, whose finished trials decide whether this one is stopped early; None if it must
            not be stopped early.
    """

    job: Job
    search_folder: str | None


@dataclass(frozen=True)
class TrialReport:
    """The results of a trial so far.

    Attributes:
        resumed_from: global step at which its newest process began.
        curve: (step, objective) of every evaluation with a finite objective and loss.
        ended_by: "steps", or the stop rule in words; None if the trial has not ended.
        early: whether the trial was stopped early.
        error: why it failed.
    """

    resumed_from: int = 0
    curve: list[tuple[int, float]] = field(default_factory=list)
    ended_by: str | None = None
    early: bool = False
    error: str | None = None

    def value(self, direction: Direction, *, best: bool) -> float | None:
        """Returns the best or the last value of the objective, None if there is no evaluation."""
        if best or not self.curve:
            return stopping.best(self.curve, direction)
        return self.curve[-1][1]


def write_spec(folder: str, spec: TrialSpec) -> None:
    """Writes the description of a trial."""
    json_file.write(posixpath.join(folder, SPEC), spec)


def read_spec(folder: str) -> TrialSpec:
    """Returns the description of a trial.

    Raises:
        FileNotFoundError: the search has not written it.
    """
    spec = json_file.read(posixpath.join(folder, SPEC), TrialSpec)
    if spec is None:
        raise FileNotFoundError(f"{folder} is no folder of a trial: it has no {SPEC}.")
    return spec


def write_report(folder: str, report: TrialReport) -> None:
    """Writes the report of a trial."""
    json_file.write(posixpath.join(folder, REPORT), report)


def read_report(folder: str) -> TrialReport:
    """Returns the report of a trial, an empty one if there is none."""
    return json_file.read(posixpath.join(folder, REPORT), TrialReport) or TrialReport()
