"""Runs the trials that an oracle chooses: each in its own process, several at the same time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack

import keras_tuner as kt
import tensorflow as tf
from keras_tuner.engine.trial import Trial, TrialStatus

from trainer_module.supervision import heartbeat
from trainer_module.supervision.child_process import ChildProcess
from trainer_module.supervision.control import Control
from trainer_module.tuning import trial_process
from trainer_module.tuning.hyperband import CONTINUES
from trainer_module.tuning.running_trial import RunningTrial, locked
from trainer_module.tuning.search_spec import SearchSpec, log_file, values_of_trial
from trainer_module.tuning.trial_files import TrialReport, read_report
from trainer_module.tuning.trial_summary import TrialState, TrialSummary
from trainer_module.tuning.trial_table import TrialTable

_log = logging.getLogger(__name__)

CHECK_EVERY_SECONDS = 0.2

Start = Callable[[str, str, int | None, int, int], ChildProcess]  # see trial_process.start


class Runner:
    """Runs the trials of one search."""

    def __init__(self, spec: SearchSpec, oracle: kt.Oracle, table: TrialTable, start: Start = trial_process.start) -> None:
        """Creates the runner.

        Args:
            spec: the description of the search.
            oracle: chooses the trials, and receives their results.
            table: shows the trials to people.
            start: starts the process of a trial.
        """
        self._spec, self._oracle, self._table, self._start_process = spec, oracle, table, start
        self._running: dict[int, RunningTrial] = {}

    def run(self, control: Control) -> None:
        """Runs trials until the oracle has chosen its last one.

        When `control` requests a stop, the running trials save a checkpoint; the next run of the search continues them.

        Raises:
            trainer_module.supervision.control.InterruptedTraining: `control` requested a stop.
        """
        self._restore_table()
        try:
            while not control.stopping:
                self._fill_slots()
                self._table.log()
                if not self._running:
                    break
                time.sleep(CHECK_EVERY_SECONDS)
                self._check_trials(control)
            self._stop(control)
        finally:
            for running in self._running.values():
                running.kill()

    def _restore_table(self) -> None:
        """Makes the table agree with the oracle: an earlier search may have been killed between writing the two."""
        self._table.keep(list(self._oracle.trials))
        for trial in self._oracle.trials.values():
            self._show(trial, "interrupted" if trial.status == TrialStatus.RUNNING else _state_of_ended(trial))

    def _fill_slots(self) -> None:
        """Starts trials in free slots."""
        slot = 0
        while slot < self._spec.tuning.parallel:
            if slot in self._running:
                slot += 1
                continue
            trial = self._oracle.create_trial(f"slot{slot}")
            if trial.status != TrialStatus.RUNNING:  # there are no more trials, or the next one depends on running trials
                return
            if read_report(self._spec.trial_folder(trial.trial_id)).ended_by:  # an earlier run was killed before it saw the end
                self._succeed(trial)
            else:
                self._start(slot, trial, attempt=1)

    def _start(self, slot: int, trial: Trial, attempt: int) -> None:
        number, folder = trial.trial_id, self._spec.trial_folder(trial.trial_id)
        _log.info("Trial %s: %s", number, values_of_trial(trial))
        with ExitStack() as stack:
            lock = stack.enter_context(locked(self._spec.training_folder(number)))
            self._spec.prepare(trial)
            process = self._start_process(folder, log_file(folder), lock, slot, self._spec.tuning.parallel)
            summary = self._table.get(number)
            self._running[slot] = RunningTrial(trial, attempt, process, stack.pop_all(), summary.seconds if summary else 0.0)
        self._show(trial, "running", self._running[slot])

    def _check_trials(self, control: Control) -> None:
        """Reads the progress of the running trials, and handles those that have ended."""
        control.heartbeat()
        for slot, running in list(self._running.items()):
            running.read_progress()
            self._show(running.trial, "running", running)
            is_silent = running.is_silent(self._spec.job.settings)
            if is_silent or running.process.exit_code is not None:
                del self._running[slot]
                running.kill()
                stalled = is_silent or running.process.exit_code == heartbeat.RESTART
                self._handle_end(slot, running, control, stalled=stalled)

    def _handle_end(self, slot: int, running: RunningTrial, control: Control, *, stalled: bool) -> None:
        trial, settings = running.trial, self._spec.job.settings
        report = read_report(self._spec.trial_folder(trial.trial_id))
        if report.ended_by:
            self._succeed(trial)
        elif control.stopping and not report.error:
            self._show(trial, "interrupted")
        elif stalled and running.attempt <= settings.retries:
            _log.warning("Trial %s stalled. It continues from its checkpoint.", trial.trial_id)
            self._start(slot, trial, running.attempt + 1)
        elif stalled:
            self._fail(trial, f"it stalled {running.attempt} times, for {settings.stall_seconds:g} s each")
        else:
            self._fail(trial, report.error or running.how_it_ended())

    def _succeed(self, trial: Trial) -> None:
        report = read_report(self._spec.trial_folder(trial.trial_id))
        value = self._value(report)
        if value is None:
            self._fail(trial, f"no evaluation had a finite {self._spec.objective}")
            return
        self._oracle.update_trial(trial.trial_id, {self._spec.objective: value}, step=report.curve[-1][0])
        trial.status, trial.message = TrialStatus.COMPLETED, report.ended_by if report.early else None
        self._oracle.end_trial(trial)
        self._show(trial, _state_of_ended(trial))

    def _fail(self, trial: Trial, why: str) -> None:
        _log.warning("Trial %s has failed: %s", trial.trial_id, why)
        trial.status, trial.message = TrialStatus.FAILED, why
        self._oracle.end_trial(trial)
        self._show(trial, "failed")
        tf.io.gfile.rmtree(self._spec.training_folder(trial.trial_id))  # a failed trial is never continued

    def _stop(self, control: Control) -> None:
        """Stops the running trials, waits for their end, and raises InterruptedTraining if `control` requested a stop."""
        for running in self._running.values():
            running.process.request_stop()
        while self._running:
            time.sleep(CHECK_EVERY_SECONDS)
            self._check_trials(control)
        self._table.log()
        control.raise_if_stopping()

    def _show(self, trial: Trial, state: TrialState, running: RunningTrial | None = None) -> None:
        folder = self._spec.trial_folder(trial.trial_id)
        report, previous = read_report(folder), running or self._table.get(trial.trial_id)
        self._table.put(
            TrialSummary(
                id=trial.trial_id,
                state=state,
                values=values_of_trial(trial),
                metric=self._spec.objective,
                direction=self._spec.direction,
                objective=None if state == "failed" else self._value(report),
                step=max([previous.step if previous else 0, *(step for step, _ in report.curve)]),
                steps=self._spec.steps_of(trial),
                seconds=round(previous.seconds if previous else 0.0, 1),
                resumed_from=report.resumed_from,
                continues=trial.hyperparameters.values.get(CONTINUES),
                why=trial.message or "",
                log=log_file(folder),
                curve=report.curve,
            )
        )

    def _value(self, report: TrialReport) -> float | None:
        return report.value(self._spec.direction, best=self._spec.counts_best_evaluation)


def _state_of_ended(trial: Trial) -> TrialState:
    if trial.status == TrialStatus.FAILED:
        return "failed"
    return "stopped early" if trial.message else "completed"
