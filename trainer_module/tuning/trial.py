"""One trial: trains an Estimator with the values that the oracle has chosen, and reports its evaluations."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import replace

from trainer_module.checkpoints import folder as folders
from trainer_module.checkpoints.evaluations import Evaluation
from trainer_module.error_text import first_paragraph
from trainer_module.supervision import heartbeat, watchdog
from trainer_module.supervision.control import Control, StalledError
from trainer_module.training import attempt
from trainer_module.tuning import stopping, trial_table
from trainer_module.tuning.trial_files import TrialReport, TrialSpec, read_report, read_spec, write_report

_log = logging.getLogger(__name__)


class TrialPruned(BaseException):
    """The trial was stopped early. (It is not an Exception, so that code that handles errors does not catch it.)"""


class Reporter:
    """Writes the report of a trial, and decides after every evaluation whether the trial continues."""

    def __init__(self, folder: str, spec: TrialSpec, resumed_from: int) -> None:
        """Keeps the evaluations that an earlier process has reported, up to the step from which this one continues.

        Args:
            folder: folder of the trial.
            spec: the description of the trial.
            resumed_from: global step of the checkpoint from which it continues.
        """
        self._folder, self._spec = folder, spec
        self._evaluations = spec.job.evaluations
        self._step = 0
        self._write(TrialReport(resumed_from, [(s, v) for s, v in read_report(folder).curve if s <= resumed_from]))

    def report_end(self, why: str, *, early: bool = False) -> None:
        """Reports that the trial has ended with a valid value."""
        self._write(replace(self._report, ended_by=why, early=early))

    def report_error(self, why: str) -> None:
        """Reports that the trial has failed."""
        self._write(replace(self._report, error=why))

    def check_evaluation(self) -> None:
        """Reports the newest evaluation if it is new.

        Raises:
            TrialPruned: the trial is stopped early.
        """
        last = self._evaluations.read().last
        if last is None or last.step <= self._step:
            return
        self._step = last.step
        self._add(last)
        steps = self._spec.job.settings.steps
        why = stopping.median_rule(self._report.curve, steps, self._finished_trials(), self._spec.job.direction)
        if why and last.step < steps:
            self.report_end(why, early=True)
            raise TrialPruned(why)

    def _add(self, evaluation: Evaluation) -> None:
        value = evaluation.metrics[self._spec.job.settings.best]
        curve = self._report.curve
        if math.isfinite(value) and math.isfinite(evaluation.metrics["loss"]) and evaluation.step not in dict(curve):
            self._write(replace(self._report, curve=[*curve, (evaluation.step, value)]))

    def _finished_trials(self) -> list[stopping.Curve]:
        if self._spec.search_folder is None:
            return []
        return [trial.curve for trial in trial_table.read(self._spec.search_folder) if trial.has_value]

    def _write(self, report: TrialReport) -> None:
        self._report = report
        write_report(self._folder, report)


class ReportingControl(Control):
    """A Control that also checks each evaluation, at the first step after it."""

    def __init__(self, control: Control, check_evaluation: Callable[[], None]) -> None:
        """`control`: the link to the watchdog; all calls go to it. `check_evaluation`: called at the first step after one."""
        super().__init__()
        self._control, self._check_evaluation = control, check_evaluation
        self._evaluated = False

    @property
    def stopping(self) -> bool:
        """See `Control`."""
        return self._control.stopping

    def heartbeat(self) -> None:
        """Forwards the heartbeat of a step. The first one after an evaluation also checks that evaluation."""
        self._control.heartbeat()
        if self._evaluated:
            self._evaluated = False
            self._check_evaluation()

    def raise_if_stopping(self) -> None:
        """Forwards the call, which every batch of an evaluation makes, among others."""
        self._control.raise_if_stopping()
        self._evaluated = True


def run(folder: str) -> int:
    """Trains the trial in a folder to its end. Continues from its newest checkpoint.

    Returns:
        The exit status of the process, see `heartbeat`: DONE if the trial has a value, FAILED if it has failed, RESTART if it
        stalled.
    """
    spec = read_spec(folder)
    settings = spec.job.settings
    try:
        watchdog.run(
            lambda control: _train(folder, spec, control),
            grace_seconds=settings.grace_seconds,
            stall_seconds=settings.stall_seconds,
        )
    except StalledError as error:
        _log.error("%s", error)
        return heartbeat.RESTART
    return heartbeat.DONE if read_report(folder).ended_by else heartbeat.FAILED


def _train(folder: str, spec: TrialSpec, control: Control) -> None:
    job = spec.job
    reporter = Reporter(folder, spec, folders.prepare(job.folder, job.evaluations, job.settings.fresh_run_id))
    try:
        trained = attempt.train(job, ReportingControl(control, reporter.check_evaluation))
        reporter.check_evaluation()
        reporter.report_end(trained.ended_by)
    except TrialPruned as pruned:
        _log.info("%s", pruned)
    except StalledError:
        raise
    except Exception as error:
        _log.exception("The trial has failed.")
        reporter.report_error(f"{type(error).__name__}: {first_paragraph(str(error))}")
        return
    folders.tidy(job.folder, job.settings.keep_trainings)
