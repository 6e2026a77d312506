"""The processes of a cluster on this machine: one per role and index, restarted when it fails."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trainer_module.cluster import addresses

# An import, and not only a name in a string: the hash of the Trainer's code follows imports.
from trainer_module.cluster import role as role_module
from trainer_module.cluster.cluster_task import CHIEF, EVALUATOR, PS, WORKER, ClusterTask
from trainer_module.files.paths import local_log_folder
from trainer_module.supervision import child_environment
from trainer_module.supervision.child_environment import TF_CONFIG
from trainer_module.supervision.child_process import ChildProcess
from trainer_module.training.job import Job
from trainer_module.training.training_state import FOLDER, job_file

LOCAL = "local"  # the role of a process that trains alone

# Command, environment, log, header of the log, inherited descriptors: the arguments of ChildProcess.
StartChild = Callable[[Sequence[str], Mapping[str, str], Path, str, Sequence[int]], ChildProcess]


@dataclass
class RoleProcess:
    """A process of a cluster over all its restarts.

    Attributes:
        name: name of the process, such as "worker-1".
        role: one of cluster_task.ROLES, or LOCAL.
        start: starts the process; its argument counts the starts from 1.
        child: the running process, or the one that ended last; None before the first start and between two starts.
        starts: number of starts so far.
        start_at: when to start the process, in seconds of the supervisor's clock; None if no start is due.
        failures: number of failures since the training last made progress.
        failed_at_step: the step of the training at the last failure.
    """

    name: str
    role: str
    start: Callable[[int], ChildProcess]
    child: ChildProcess | None = None
    starts: int = 0
    start_at: float | None = 0.0
    failures: int = 0
    failed_at_step: int = -1

    @property
    def saves_checkpoints(self) -> bool:
        """Whether this process writes the checkpoints."""
        return self.role in (CHIEF, LOCAL)

    @property
    def takes_steps(self) -> bool:
        """Whether this process takes training steps."""
        return self.saves_checkpoints or self.role == WORKER

    @property
    def has_ended(self) -> bool:
        """Whether the process was started and has ended."""
        return self.child is not None and self.child.exit_code is not None

    def launch(self) -> ChildProcess:
        """Starts the process."""
        self.starts, self.start_at = self.starts + 1, None
        self.child = self.start(self.starts)
        return self.child

    def kill(self) -> None:
        """Kills the process if it runs."""
        if self.child:
            self.child.kill()
            self.child = None

    def count_failure(self, step: int) -> None:
        """Counts a failure. The count begins at 1 again after the training has made progress.

        Args:
            step: the step that the training has reached.
        """
        self.failures = self.failures + 1 if step <= self.failed_at_step else 1
        self.failed_at_step = step


def address_count(job: Job) -> int:
    """Returns the number of addresses that the cluster of a job needs."""
    cluster = job.settings.cluster
    return 1 + cluster.workers + cluster.ps


def create(
    job: Job, free_addresses: Sequence[str], lock: int | None, start_child: StartChild = ChildProcess
) -> list[RoleProcess]:
    """Returns the processes of the cluster of a job, not started yet.

    Args:
        job: the training.
        free_addresses: `address_count(job)` addresses on which nothing listens.
        lock: descriptor that every process inherits, so that the folder stays locked while one of them runs.
        start_child: starts a child process.
    """
    path = job_file(job)
    job.write(path)
    command = [sys.executable, "-m", role_module.__name__, path]
    logs = local_log_folder(job.folder) / FOLDER
    inherited = () if lock is None else (lock,)

    def role_process(name: str, role: str, environment: dict[str, str]) -> RoleProcess:
        def start(number: int) -> ChildProcess:
            return start_child(command, environment, logs / f"{name}.log", f"{name}, start {number}", inherited)

        return RoleProcess(name, role, start)

    if not job.settings.cluster.workers and not job.settings.cluster.ps:
        return [role_process(f"{LOCAL}-0", LOCAL, _environment(None))]
    return [role_process(task.name, task.role, _environment(task)) for task in _tasks(job, free_addresses)]


def _tasks(job: Job, free_addresses: Sequence[str]) -> list[ClusterTask]:
    workers, ps = job.settings.cluster.workers, job.settings.cluster.ps
    cluster = {
        CHIEF: free_addresses[:1],
        WORKER: free_addresses[1 : 1 + workers],
        PS: free_addresses[1 + workers : 1 + workers + ps],
    }
    cluster = {role: hosts for role, hosts in cluster.items() if hosts}
    tasks = [ClusterTask(role, index, cluster) for role, hosts in cluster.items() for index in range(len(hosts))]
    return [*tasks, ClusterTask(EVALUATOR, 0, cluster)]


def _environment(task: ClusterTask | None) -> dict[str, str]:
    environment = child_environment.create() | addresses.REUSE_PORT
    # Several processes may share a GPU. By default the first one takes all its memory.
    environment.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    return environment | ({TF_CONFIG: task.to_json()} if task else {})
