"""Starts the processes of a cluster on this machine and takes care of them until the training is over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence

from trainer_module.cluster import addresses, role_processes
from trainer_module.cluster.role_processes import RoleProcess
from trainer_module.cluster.tf_config import EVALUATOR, PS, WORKER
from trainer_module.supervision import heartbeat
from trainer_module.supervision.child_process import ChildProcess
from trainer_module.supervision.watchdog import Control
from trainer_module.training import progress
from trainer_module.training.job import Job
from trainer_module.training.settings import TrainSettings
from trainer_module.training.training_state import TrainingState

_log = logging.getLogger(__name__)

_LOOK_EVERY_SECONDS = 0.2
_LOOK_AT_FILES_SECONDS = 0.5
# When the training is over, its processes may still be closing their sessions (5 to 48 s were seen); nothing depends on it.
_FAREWELL_SECONDS = 3.0
# Before the first restart; twice as long before each one without progress in between.
_BACK_OFF_SECONDS, _LONGEST_BACK_OFF_SECONDS = 0.5, 30.0


class ClusterError(RuntimeError):
    """A cluster that did not get to the end of its training."""


def run(job: Job, lock: int | None, control: Control) -> None:
    """Trains a job in processes of their own. When it returns, nothing is left to train.

    Args:
        job: what to train; `job.settings.cluster` says in how many processes. Without workers and parameter servers it is one.
        lock: descriptor of the folder's lock, for the processes to inherit.
        control: of whoever watches over this.

    Raises:
        ClusterError: they did not get to the end.
        trainer_module.supervision.watchdog.InterruptedTraining: it was asked to leave; the newest checkpoint has all.
    """
    training_state = TrainingState(job)
    state = training_state.read()
    if state.complete:
        return
    if not state.step:
        training_state.evaluations.clear()
    with addresses.kept_free(role_processes.address_count(job)) as free:
        Supervisor(role_processes.create(job, free, lock), job.settings, training_state, control).run()
    training_state.tidy()


class Supervisor:
    """Takes care of the members of a cluster."""

    def __init__(
        self,
        crew: Sequence[RoleProcess],
        settings: TrainSettings,
        training_state: TrainingState,
        control: Control,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """`training_state`: where the training stands. `clock` and `sleep` in seconds."""
        self._crew, self._settings, self._training_state, self._control = crew, settings, training_state, control
        self._clock, self._sleep = clock, sleep
        self._seen, self._looked_at = training_state.read().step, -float("inf")

    def run(self) -> None:
        """Until the training is over. Whatever happens, no process is left behind."""
        try:
            while not self._over():
                self._control.heartbeat()
                if self._control.stopping:
                    self._leave()
                for member in self._crew:
                    self._look_after(member)
                for member in self._crew:
                    self._start_if_due(member)
                self._sleep(_LOOK_EVERY_SECONDS)
            self._wait_for((m for m in self._crew if m.saves or m.role == EVALUATOR), _FAREWELL_SECONDS)
        finally:
            for member in self._crew:
                member.end()

    def _over(self) -> bool:
        if self._clock() - self._looked_at < _LOOK_AT_FILES_SECONDS:
            return False
        self._looked_at = self._clock()
        return self._training_state.read().finished

    def _leave(self) -> None:
        """Lets whoever writes the checkpoints write one; the others have nothing to save, but it may need them until then."""
        savers = [m for m in self._crew if m.saves]
        for member in savers:
            if member.process:
                member.process.ask()
        self._wait_for(savers, self._settings.grace_seconds - 1)  # this process has as long
        self._control.raise_if_stopping()

    def _look_after(self, member: RoleProcess) -> None:
        if member.process is None:
            return
        self._hear(member, member.process)
        failure = self._failure(member, member.process)
        if failure:
            self._recover(member, member.process, failure)

    def _hear(self, member: RoleProcess, process: ChildProcess) -> None:
        for report in process.hear():
            self._seen = max(self._seen, report.step)
            if member.saves:
                progress.log(report)

    def _failure(self, member: RoleProcess, process: ChildProcess) -> str | None:
        """Returns what went wrong with a process, None if nothing did."""
        if process.code is None:
            if not process.started and process.silent_seconds > self._settings.cluster.start_seconds:
                return f"did not start within {self._settings.cluster.start_seconds} s (train.cluster.start_seconds)"
            if process.silent_seconds > self._settings.stall_seconds:
                return f"gave no sign of life for {self._settings.stall_seconds} s (train.stall_seconds)"
            return None
        if process.code == heartbeat.DONE and (member.role == WORKER or self._training_state.read().finished):
            return None  # a worker ends when it has seen the last step
        return process.how_it_ended()

    def _recover(self, member: RoleProcess, process: ChildProcess, failure: str) -> None:
        """Has a member started again, with those that cannot go on without it. Raises ClusterError if that would not help."""
        self._hear(member, process)  # its last words
        state = self._training_state.read()
        member.failed(state.evaluated_step if member.role == EVALUATOR else state.step)
        self._give_up_on(member, process, failure)
        again = min(_BACK_OFF_SECONDS * 2 ** (member.failures - 1), _LONGEST_BACK_OFF_SECONDS)
        fellows = [m for m in self._crew if m is not member and self._needs_restart(m, member)]
        too = f", with {', '.join(m.name for m in fellows)}" if fellows else ""
        _log.warning("%s %s. It is started again in %g s%s. Its log: %s", member.name, failure, again, too, process.log)
        for each in [member, *fellows]:
            each.end()
            each.due = self._clock() + again
        if member.role == PS:  # the chief restores what it held
            self._tell_what_is_lost()

    def _give_up_on(self, member: RoleProcess, process: ChildProcess, failure: str) -> None:
        """Raises ClusterError if a member has failed too often, or would always fail."""
        if process.failed or process.code == heartbeat.DO_NOT_RESTART:
            raise ClusterError(f"{member.name} has ended the training. {process.failed}\n{process.last_words()}")
        if member.failures > self._settings.retries:
            often = f", {member.failures} times without progress in between" if member.failures > 1 else ""
            raise ClusterError(
                f"{member.name} {failure}{often}. It is not started again: train.retries is {self._settings.retries}. "
                f"{process.last_words()}"
            )

    def _needs_restart(self, other: RoleProcess, failed: RoleProcess) -> bool:
        """Whether a member must be started again because another one failed."""
        if self._settings.cluster.strategy == "multi_worker_mirrored":  # in lockstep, they would wait for it for ever
            return other.trains and failed.trains
        return failed.saves and other.role == WORKER and other.ended  # it had seen a last step that will come once more

    def _start_if_due(self, member: RoleProcess) -> None:
        if member.due is None or self._clock() < member.due:
            return
        if member.saves and member.starts:
            self._training_state.fall_back()
            self._tell_what_is_lost()
        process = member.launch()
        _log.info("%s is process %d.", member.name, process.pid, extra={"member": member.name, "pid": process.pid})

    def _tell_what_is_lost(self) -> None:
        for member in self._crew:
            if member.process:
                self._hear(member, member.process)
        step = self._training_state.read().step
        if self._seen > step:
            lost = self._seen - step
            _log.warning("The training goes on from step %d: %d steps are lost.", step, lost, extra={"lost_steps": lost})
        self._seen = step

    def _wait_for(self, crew: Iterable[RoleProcess], seconds: float) -> None:
        """Waits until the processes of some members have ended, so long at most."""
        until, waited_for = self._clock() + seconds, [m.process for m in crew if m.process]
        while any(p.code is None for p in waited_for) and self._clock() < until:
            self._sleep(_LOOK_EVERY_SECONDS)
