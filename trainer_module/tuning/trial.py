"""One trial: an Estimator trained with the values it was given, and what it reports on the way."""

from __future__ import annotations

import logging
import math
import posixpath
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from data.tasks import Direction
from trainer_module.checkpoints import folder as folders
from trainer_module.checkpoints.evaluations import Evaluation, Evaluations
from trainer_module.files import json_file
from trainer_module.supervision import heartbeat, watchdog
from trainer_module.training import attempt
from trainer_module.training.job import Job
from trainer_module.tuning import stopping, trial_table

_log = logging.getLogger(__name__)

TASK = "task.json"
REPORT = "report.json"


@dataclass(frozen=True)
class TrialSpec:
    """What a trial is to do.

    Attributes:
        job: the training; `settings.best` is the objective.
        direction: which way the objective gets better.
        rivals: folder of the search, if the trial is to stop when it does worse than most of its trials.
    """

    job: Job
    direction: Direction
    rivals: str | None


@dataclass(frozen=True)
class TrialReport:
    """What has become of it so far.

    Attributes:
        resumed_from: the step that its newest process began at.
        curve: (step, objective) of every evaluation that was a number.
        ended_by: what ended it ("steps", or a stop rule in words), None before.
        early: whether it was stopped for being worse than the others.
        error: why it failed.
    """

    resumed_from: int = 0
    curve: list[tuple[int, float]] = field(default_factory=list)
    ended_by: str | None = None
    early: bool = False
    error: str | None = None

    def value(self, direction: Direction, *, best: bool) -> float | None:
        """Returns the objective, None if there is none yet: the best value, or the last one."""
        if best or not self.curve:
            return stopping.best(self.curve, direction)
        return self.curve[-1][1]


def read(folder: str) -> TrialReport:
    """Returns the report in the folder of a trial, an empty one if there is none."""
    return json_file.read(posixpath.join(folder, REPORT), TrialReport) or TrialReport()


class TrialPruned(BaseException):
    """The trial does worse than most of the others did at its step."""


class Reporter:
    """Keeps the report of a trial, and looks at every evaluation whether to go on."""

    def __init__(self, folder: str, task: TrialSpec, resumed_from: int) -> None:
        """`folder`: of the trial. `resumed_from`: step of the checkpoint that it goes on from."""
        self._path, self._task = posixpath.join(folder, REPORT), task
        self._evaluations = Evaluations(task.job.folder, task.job.settings.best, task.direction)
        self._step = 0
        self._put(TrialReport(resumed_from, [(s, v) for s, v in read(folder).curve if s <= resumed_from]))

    def ended(self, why: str, *, early: bool = False) -> None:
        """The trial has a value that counts."""
        self._put(replace(self._report, ended_by=why, early=early))

    def failed(self, why: str) -> None:
        """It has none."""
        self._put(replace(self._report, error=why))

    def look(self) -> None:
        """Takes note of an evaluation. Raises TrialPruned if it is to be the last one."""
        last = self._evaluations.read().last
        if last is None or last.step <= self._step:
            return
        self._step = last.step
        self._note(last)
        rivals = self._rivals()
        why = stopping.median_rule(self._report.curve, self._task.job.settings.steps, rivals, self._task.direction)
        if why and last.step < self._task.job.settings.steps:
            self.ended(why, early=True)
            raise TrialPruned(why)

    def _note(self, evaluation: Evaluation) -> None:
        value = evaluation.metrics[self._task.job.settings.best]
        curve = self._report.curve
        if math.isfinite(value) and math.isfinite(evaluation.metrics["loss"]) and evaluation.step not in dict(curve):
            self._put(replace(self._report, curve=[*curve, (evaluation.step, value)]))

    def _rivals(self) -> list[stopping.Curve]:
        if self._task.rivals is None:
            return []
        return [r.curve for r in trial_table.read(self._task.rivals) if r.state in ("completed", "stopped early")]

    def _put(self, report: TrialReport) -> None:
        self._report = report
        json_file.write(self._path, report)


class ReportingControl(watchdog.Control):
    """A control that looks at the evaluations: at the first step after one."""

    def __init__(self, watched: watchdog.Control, look: Callable[[], None]) -> None:
        """`watched`: that of whoever watches over the training."""
        super().__init__()
        self._watched, self._look = watched, look
        self._evaluated = False

    @property
    def stopping(self) -> bool:
        """See `Control`."""
        return self._watched.stopping

    def heartbeat(self) -> None:
        """Of a step."""
        self._watched.heartbeat()
        if self._evaluated:
            self._evaluated = False
            self._look()

    def raise_if_stopping(self) -> None:
        """Of an evaluation, among others."""
        self._watched.raise_if_stopping()
        self._evaluated = True


def run(folder: str) -> int:
    """Trains the trial in a folder to its end, from its newest checkpoint on.

    Returns:
        The exit status of its process, of `lifeline`: DONE if it has a value, FAILED if it has failed, AGAIN if it got stuck.
    """
    task = json_file.read(posixpath.join(folder, TASK), TrialSpec)
    assert task
    settings = task.job.settings
    try:
        watchdog.run(
            lambda control: _train(folder, task, control),
            grace_seconds=settings.grace_seconds,
            stall_seconds=settings.stall_seconds,
        )
    except watchdog.StalledError as error:
        _log.error("%s", error)
        return heartbeat.RESTART
    return heartbeat.DONE if read(folder).ended_by else heartbeat.FAILED


def _train(folder: str, task: TrialSpec, control: watchdog.Control) -> None:
    job = task.job
    evaluations = Evaluations(job.folder, job.settings.best, task.direction)
    reporter = Reporter(folder, task, folders.prepare(job.folder, evaluations, job.settings.fresh_run_id))
    try:
        trained = attempt.train(job, ReportingControl(control, reporter.look))
        reporter.look()
        reporter.ended(trained.ended_by)
    except TrialPruned as stopped:
        _log.info("%s", stopped)
    except watchdog.StalledError:
        raise
    except Exception as error:
        _log.exception("The trial has failed.")
        reporter.failed(f"{type(error).__name__}: {_first_paragraph(error)}")
        return
    folders.tidy(job.folder, job.settings.keep_trainings)


def _first_paragraph(error: Exception) -> str:
    return str(error).strip().split("\n\n")[0]
