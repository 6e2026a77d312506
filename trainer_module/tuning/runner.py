"""Keeps the trials going that an oracle asks for: each in a process of its own, so many at a time."""

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
from trainer_module.supervision.watchdog import Control
from trainer_module.tuning import trial, trial_process
from trainer_module.tuning.hyperband import CONTINUES
from trainer_module.tuning.running_trial import RunningTrial, held
from trainer_module.tuning.search_spec import SearchSpec, log_of, values_of
from trainer_module.tuning.trial_table import TrialState, TrialSummary, TrialTable

_log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 0.2

Start = Callable[[str, str, int | None, int, int], ChildProcess]


class Runner:
    """Runs the trials of one search."""

    def __init__(self, plan: SearchSpec, oracle: kt.Oracle, board: TrialTable, start: Start = trial_process.start) -> None:
        """`plan`: of the search. `oracle`: what to try, and what became of it. `board`: for whoever looks on.

        `start` starts the process of a trial.
        """
        self._plan, self._oracle, self._board, self._start_process = plan, oracle, board, start
        self._running: dict[int, RunningTrial] = {}

    def run(self, control: Control) -> None:
        """Runs trials until the oracle has no more.

        Asked to leave, it asks the trials under way to save a checkpoint; they go on when the search does.

        Raises:
            trainer_module.supervision.watchdog.InterruptedTraining: it was asked to leave.
        """
        self._restore()
        try:
            while not control.stopping:
                self._fill()
                self._board.tell()
                if not self._running:
                    break
                time.sleep(_LOOK_EVERY_SECONDS)
                self._look(control)
            self._leave(control)
        finally:
            for running in self._running.values():
                running.end()

    def _restore(self) -> None:
        """Brings the board up to what the oracle knows."""
        self._board.keep(list(self._oracle.trials))
        for chosen in self._oracle.trials.values():
            self._show(chosen, "interrupted" if chosen.status == TrialStatus.RUNNING else _ended_state(chosen))

    def _fill(self) -> None:
        """Starts trials where there is room."""
        slot = 0
        while slot < self._plan.tuning.parallel:
            if slot in self._running:
                slot += 1
                continue
            chosen = self._oracle.create_trial(f"slot{slot}")
            if chosen.status != TrialStatus.RUNNING:  # there are no more, or none before others have ended
                return
            if trial.read(self._plan.folder_of(chosen.trial_id)).ended_by:  # the search was killed before it saw that
                self._succeed(chosen)
            else:
                self._start(slot, chosen, attempt=1)

    def _start(self, slot: int, chosen: Trial, attempt: int) -> None:
        number, folder = chosen.trial_id, self._plan.folder_of(chosen.trial_id)
        _log.info("Trial %s: %s", number, values_of(chosen))
        with ExitStack() as stack:
            lock = stack.enter_context(held(self._plan.training_of(number)))
            self._plan.prepare(chosen)
            started = self._start_process(folder, log_of(folder), lock, slot, self._plan.tuning.parallel)
            known = self._board.get(number)
            before = known.seconds if known else 0.0
            self._running[slot] = RunningTrial(chosen, attempt, started, stack.pop_all(), before)
        self._show(chosen, "running", self._running[slot])

    def _look(self, control: Control) -> None:
        """Takes note of trials that have ended, and of what the others report."""
        control.heartbeat()
        for slot, running in list(self._running.items()):
            running.hear()
            self._show(running.chosen, "running", running)
            silent = running.silent(self._plan.job.settings)
            if silent or running.process.code is not None:
                del self._running[slot]
                running.end()
                self._ended(slot, running, control, stuck=silent or running.process.code == heartbeat.RESTART)

    def _ended(self, slot: int, running: RunningTrial, control: Control, *, stuck: bool) -> None:
        chosen, settings = running.chosen, self._plan.job.settings
        report = trial.read(self._plan.folder_of(chosen.trial_id))
        if report.ended_by:
            self._succeed(chosen)
        elif control.stopping and not report.error:
            self._show(chosen, "interrupted")
        elif stuck and running.attempt <= settings.retries:
            _log.warning("Trial %s was stuck, and goes on from its checkpoint.", chosen.trial_id)
            self._start(slot, chosen, running.attempt + 1)
        elif stuck:
            self._fail(chosen, f"it was stuck {running.attempt} times, for {settings.stall_seconds:g} s each")
        else:
            self._fail(chosen, report.error or running.how_it_ended())

    def _succeed(self, chosen: Trial) -> None:
        report = trial.read(self._plan.folder_of(chosen.trial_id))
        value = self._value(report)
        if value is None:
            self._fail(chosen, f"no evaluation had a finite {self._plan.objective}")
            return
        self._oracle.update_trial(chosen.trial_id, {self._plan.objective: value}, step=report.curve[-1][0])
        chosen.status, chosen.message = TrialStatus.COMPLETED, report.ended_by if report.early else None
        self._oracle.end_trial(chosen)
        self._show(chosen, _ended_state(chosen))

    def _fail(self, chosen: Trial, why: str) -> None:
        _log.warning("Trial %s has failed: %s", chosen.trial_id, why)
        chosen.status, chosen.message = TrialStatus.FAILED, why
        self._oracle.end_trial(chosen)
        self._show(chosen, "failed")
        tf.io.gfile.rmtree(self._plan.training_of(chosen.trial_id))  # it is never continued

    def _leave(self, control: Control) -> None:
        """Asks trials that are under way to leave, waits until they have, and leaves, if it was asked to."""
        for running in self._running.values():
            running.process.ask()
        while self._running:
            time.sleep(_LOOK_EVERY_SECONDS)
            self._look(control)
        self._board.tell()
        control.raise_if_stopping()

    def _show(self, chosen: Trial, state: TrialState, running: RunningTrial | None = None) -> None:
        folder = self._plan.folder_of(chosen.trial_id)
        report, known = trial.read(folder), running or self._board.get(chosen.trial_id)
        self._board.put(
            TrialSummary(
                id=chosen.trial_id,
                state=state,
                values=values_of(chosen),
                metric=self._plan.objective,
                direction=self._plan.direction,
                objective=None if state == "failed" else self._value(report),
                step=max([known.step if known else 0, *(step for step, _ in report.curve)]),
                steps=self._plan.steps_of(chosen),
                seconds=round(known.seconds if known else 0.0, 1),
                resumed_from=report.resumed_from,
                continues=chosen.hyperparameters.values.get(CONTINUES),
                why=chosen.message or "",
                log=log_of(folder),
                curve=report.curve,
            )
        )

    def _value(self, report: trial.TrialReport) -> float | None:
        return report.value(self._plan.direction, best=self._plan.best_counts)


def _ended_state(chosen: Trial) -> TrialState:
    if chosen.status == TrialStatus.FAILED:
        return "failed"
    return "stopped early" if chosen.message else "completed"
