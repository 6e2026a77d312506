"""Starts the processes of a cluster on this machine and restarts those that fail, until the training is finished."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence

from trainer_module.cluster import addresses, role_processes
from trainer_module.cluster.cluster_task import EVALUATOR, PS, WORKER
from trainer_module.cluster.events import ProcessStarted, StepsLost
from trainer_module.cluster.role_processes import RoleProcess
from trainer_module.supervision import heartbeat
from trainer_module.supervision.child_process import ChildProcess
from trainer_module.supervision.control import Control
from trainer_module.training import progress
from trainer_module.training.job import Job
from trainer_module.training.settings import TrainSettings
from trainer_module.training.training_state import TrainingState

_log = logging.getLogger(__name__)

_CHECK_EVERY_SECONDS = 0.2
_READ_STATE_EVERY_SECONDS = 0.5
# After the training the processes close their sessions, which takes 5 to 48 s. Nothing depends on that, so they are killed.
_CLOSE_SECONDS = 3.0
# The wait before the first restart. Without progress in between, each further restart waits twice as long.
_BACK_OFF_SECONDS, _LONGEST_BACK_OFF_SECONDS = 0.5, 30.0


class ClusterError(RuntimeError):
    """The processes of a cluster could not finish the training."""


def run(job: Job, lock: int | None, control: Control) -> None:
    """Trains a job in child processes, until the training is finished.

    Args:
        job: the training. `job.settings.cluster` gives the number of processes; without workers and parameter servers, one.
        lock: descriptor of the lock on the training's folder, which the processes inherit.
        control: watches this call.

    Raises:
        ClusterError: the processes could not finish the training.
        trainer_module.supervision.control.InterruptedTraining: `control` requested a stop. The newest checkpoint has all
            steps of the process that saves it.
    """
    training_state = TrainingState(job)
    state = training_state.read()
    if state.complete:
        return
    if not state.step:
        training_state.evaluations.clear()
    with addresses.reserve(role_processes.address_count(job)) as free:
        Supervisor(role_processes.create(job, free, lock), job.settings, training_state, control).run()
    training_state.tidy()


class Supervisor:
    """Runs the processes of a cluster."""

    def __init__(
        self,
        processes: Sequence[RoleProcess],
        settings: TrainSettings,
        training_state: TrainingState,
        control: Control,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Creates the supervisor; `run` starts the processes.

        Args:
            processes: the processes of the cluster.
            settings: the settings of the training.
            training_state: reads the state of the training from disk.
            control: watches the supervisor.
            clock: returns seconds.
            sleep: waits for some seconds.
        """
        self._processes, self._settings, self._training_state, self._control = processes, settings, training_state, control
        self._clock, self._sleep = clock, sleep
        self._newest_step, self._state_read_at = training_state.read().step, -float("inf")

    def run(self) -> None:
        """Runs the processes until the training is finished. At the end it kills all of them, also after an error."""
        try:
            while not self._is_finished():
                self._control.heartbeat()
                if self._control.stopping:
                    self._stop()
                for process in self._processes:
                    self._check(process)
                for process in self._processes:
                    self._start_if_due(process)
                self._sleep(_CHECK_EVERY_SECONDS)
            self._wait_for((p for p in self._processes if p.saves_checkpoints or p.role == EVALUATOR), _CLOSE_SECONDS)
        finally:
            for process in self._processes:
                process.kill()

    def _is_finished(self) -> bool:
        if self._clock() - self._state_read_at < _READ_STATE_EVERY_SECONDS:
            return False
        self._state_read_at = self._clock()
        return self._training_state.read().finished

    def _stop(self) -> None:
        """Asks the process that saves checkpoints to save one. The others run until then, because it may need them."""
        savers = [process for process in self._processes if process.saves_checkpoints]
        for process in savers:
            if process.child:
                process.child.request_stop()
        self._wait_for(savers, self._settings.grace_seconds - 1)  # this process must end within `grace_seconds` itself
        self._control.raise_if_stopping()

    def _check(self, process: RoleProcess) -> None:
        """Reads the messages of a process, and restarts it if it has failed."""
        if process.child is None:
            return
        self._read_progress(process, process.child)
        failure = self._failure(process, process.child)
        if failure:
            self._recover(process, process.child, failure)

    def _read_progress(self, process: RoleProcess, child: ChildProcess) -> None:
        for report in child.read_progress():
            self._newest_step = max(self._newest_step, report.step)
            if process.saves_checkpoints:
                progress.log(report)

    def _failure(self, process: RoleProcess, child: ChildProcess) -> str | None:
        """Returns how a process has failed, as the end of a sentence; None if it has not."""
        if child.exit_code is None:
            if not child.started and child.silent_seconds > self._settings.cluster.start_seconds:
                return f"did not start within {self._settings.cluster.start_seconds} s (train.cluster.start_seconds)"
            if child.silent_seconds > self._settings.stall_seconds:
                return f"sent no heartbeat for {self._settings.stall_seconds} s (train.stall_seconds)"
            return None
        # A worker ends when it has seen the last step.
        if child.exit_code == heartbeat.DONE and (process.role == WORKER or self._training_state.read().finished):
            return None
        return child.how_it_ended()

    def _recover(self, process: RoleProcess, child: ChildProcess, failure: str) -> None:
        """Restarts a process that has failed, and those that cannot continue without it.

        Raises:
            ClusterError: a restart would not help.
        """
        self._read_progress(process, child)  # the messages that it sent before it ended
        state = self._training_state.read()
        process.count_failure(state.evaluated_step if process.role == EVALUATOR else state.step)
        self._raise_if_restart_is_useless(process, child, failure)
        wait = min(_BACK_OFF_SECONDS * 2 ** (process.failures - 1), _LONGEST_BACK_OFF_SECONDS)
        dependents = [p for p in self._processes if p is not process and self._needs_restart(p, process)]
        and_dependents = f", with {', '.join(p.name for p in dependents)}" if dependents else ""
        _log.warning(
            "%s %s. It is started again in %g s%s. Its log: %s", process.name, failure, wait, and_dependents, child.log
        )
        for restarted in [process, *dependents]:
            restarted.kill()
            restarted.start_at = self._clock() + wait
        if process.role == PS:  # the chief restores its variables from the checkpoint
            self._log_lost_steps()

    def _raise_if_restart_is_useless(self, process: RoleProcess, child: ChildProcess, failure: str) -> None:
        """Raises ClusterError if a process has failed too often, or would certainly fail again."""
        if child.failure or child.exit_code == heartbeat.DO_NOT_RESTART:
            raise ClusterError(f"{process.name} has ended the training. {child.failure}\n{child.end_of_log()}")
        if process.failures > self._settings.retries:
            repetition = f", {process.failures} times without progress in between" if process.failures > 1 else ""
            raise ClusterError(
                f"{process.name} {failure}{repetition}. It is not started again: train.retries is {self._settings.retries}. "
                f"{child.end_of_log()}"
            )

    def _needs_restart(self, process: RoleProcess, failed: RoleProcess) -> bool:
        """Returns whether a process must restart because another one failed."""
        if self._settings.cluster.strategy == "multi_worker_mirrored":  # they take steps together, and would wait for ever
            return process.takes_steps and failed.takes_steps
        # A worker that has seen the last step and ended must take it again.
        return failed.saves_checkpoints and process.role == WORKER and process.has_ended

    def _start_if_due(self, process: RoleProcess) -> None:
        if process.start_at is None or self._clock() < process.start_at:
            return
        if process.saves_checkpoints and process.starts:
            self._training_state.fall_back()
            self._log_lost_steps()
        child = process.launch()
        started = ProcessStarted(process.name, child.pid)
        _log.info("%s is process %d.", started.name, started.pid, extra={"event": started})

    def _log_lost_steps(self) -> None:
        for process in self._processes:
            if process.child:
                self._read_progress(process, process.child)
        step = self._training_state.read().step
        if self._newest_step > step:
            lost = StepsLost(self._newest_step - step)
            _log.warning("The training continues from step %d: %d steps are lost.", step, lost.steps, extra={"event": lost})
        self._newest_step = step

    def _wait_for(self, processes: Iterable[RoleProcess], seconds: float) -> None:
        """Waits until the processes have ended, but at most this many seconds."""
        deadline, children = self._clock() + seconds, [p.child for p in processes if p.child]
        while any(child.exit_code is None for child in children) and self._clock() < deadline:
            self._sleep(_CHECK_EVERY_SECONDS)
