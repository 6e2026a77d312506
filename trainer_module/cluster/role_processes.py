"""The members of a cluster on this machine: for each role a process, how it is started, and what has become of it so far."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer_module.cluster import addresses, tf_config
from trainer_module.cluster.tf_config import CHIEF, EVALUATOR, PS, WORKER, Task
from trainer_module.files.paths import is_remote
from trainer_module.supervision.child_process import ChildProcess
from trainer_module.training.job import Job
from trainer_module.training.training_state import FOLDER, job_file

LOCAL = "local"


@dataclass
class RoleProcess:
    """A role over all its starts.

    Attributes:
        name: "worker-1".
        role: one of tf_config.ROLES, or LOCAL.
        start: starts its process for the n-th time.
        process: the newest one, while it is looked after.
        starts: so far.
        due: the time at which it is to be started, in seconds of the supervisor's clock; None if it is not.
        failures: without progress between them.
        reached: the step that the training had reached at the last of them.
    """

    name: str
    role: str
    start: Callable[[int], ChildProcess]
    process: ChildProcess | None = None
    starts: int = 0
    due: float | None = 0.0
    failures: int = 0
    reached: int = -1

    @property
    def saves(self) -> bool:
        """Whether it writes the checkpoints."""
        return self.role in (CHIEF, LOCAL)

    @property
    def trains(self) -> bool:
        """Whether it takes steps."""
        return self.saves or self.role == WORKER

    @property
    def ended(self) -> bool:
        """Whether it was started and its process has ended."""
        return self.process is not None and self.process.code is not None

    def launch(self) -> ChildProcess:
        """Starts its process."""
        self.starts, self.due = self.starts + 1, None
        self.process = self.start(self.starts)
        return self.process

    def end(self) -> None:
        """Ends its process, if there is one."""
        if self.process:
            self.process.kill()
            self.process = None

    def failed(self, reached: int) -> None:
        """Counts a failure; those before it count no more if the training has got further since."""
        self.failures = self.failures + 1 if reached <= self.reached else 1
        self.reached = reached


def address_count(job: Job) -> int:
    """Returns how many addresses the cluster of a job needs."""
    cluster = job.settings.cluster
    return 1 + cluster.workers + cluster.ps


def create(job: Job, free: Sequence[str], lock: int | None) -> list[RoleProcess]:
    """Returns the members of the cluster of a job, which none has been started of.

    Args:
        job: what to train.
        free: addresses, as many as `count` says.
        lock: a descriptor for each process to inherit, so that the folder is held as long as one of them lives.
    """
    path = job_file(job)
    job.write(path)
    command = [sys.executable, "-m", "trainer_module.cluster.role", path]
    logs = _logs(job.folder)
    keeps = () if lock is None else (lock,)

    def member(name: str, role: str, environment: dict[str, str]) -> RoleProcess:
        def start(number: int) -> ChildProcess:
            return ChildProcess(command, environment, logs / f"{name}.log", f"{name}, start {number}", keeps)

        return RoleProcess(name, role, start)

    if not job.settings.cluster.workers and not job.settings.cluster.ps:
        return [member(f"{LOCAL}-0", LOCAL, _environment(None))]
    return [member(task.name, task.role, _environment(task)) for task in _tasks(job, free)]


def _tasks(job: Job, free: Sequence[str]) -> list[Task]:
    workers, ps = job.settings.cluster.workers, job.settings.cluster.ps
    cluster = {CHIEF: free[:1], WORKER: free[1 : 1 + workers], PS: free[1 + workers : 1 + workers + ps]}
    cluster = {role: where for role, where in cluster.items() if where}
    tasks = [Task(role, index, cluster) for role, where in cluster.items() for index in range(len(where))]
    return [*tasks, Task(EVALUATOR, 0, cluster)]


def _environment(task: Task | None) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name != tf_config.VARIABLE}
    environment |= addresses.SHARING
    # Where this process finds the project, and datasets and models outside of it.
    environment["PYTHONPATH"] = os.pathsep.join(p or str(Path.cwd()) for p in sys.path)
    # Several processes may share a GPU; by itself the first one takes all of its memory.
    environment.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    return environment | ({tf_config.VARIABLE: task.text()} if task else {})


def _logs(folder: str) -> Path:
    """Returns where the logs of a training's roles go: beside its checkpoints, if those are on this machine."""
    return Path(tempfile.mkdtemp(prefix="cluster-")) if is_remote(folder) else Path(folder, FOLDER)
