"""Injects a fault into a training: kills, stops or delays a process. Then checks that the training keeps its promises."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import tensorflow as tf

from data import discovery
from pipeline import node_ids
from trainer_module import trainer
from trainer_module.checkpoints import checkpoints, folder
from trainer_module.cluster import supervisor
from trainer_module.cluster.events import ProcessStarted, StepsLost
from trainer_module.estimators import hyperparameters
from trainer_module.serving.signatures import SERVING_DEFAULT
from trainer_module.training import job, progress
from trainer_module.training.job import Job
from trainer_module.training.settings import Cluster, TrainSettings

_START_SECONDS = 60

# The smallest cluster of each strategy that can lose a process.
PS = Cluster(workers=2, ps=1, start_seconds=_START_SECONDS)
MIRRORED = Cluster(workers=1, strategy="multi_worker_mirrored", start_seconds=_START_SECONDS)
DEVICES = Cluster(strategy="mirrored", devices=2, start_seconds=_START_SECONDS)

# A broken promise of the injector, not of the training: it ended before it reported the step of the fault.
NO_FAULT = "the fault did not happen"

_CHECKPOINTS = 8  # per training
_LATE_SECONDS = 10.0  # delay of a process that starts late
# Time limit of a training, enough for two busy cores.
_DEADLINE_SECONDS = 240


@dataclass(frozen=True)
class Case:
    """A training and the fault that is injected into it.

    Attributes:
        cluster: the cluster of the training.
        fault: "kill" (SIGKILL), "freeze" (SIGSTOP), "late" (starts ten seconds late) and "never" (does not start) hit the
            process `target`; "kill node" (SIGKILL) and "end node" (SIGTERM) hit the process of the Trainer; "none".
        target: name of the process, like "worker-0".
        fails: expected part of the error if the training cannot continue; empty if it must continue.
        stall_seconds: the training's setting of this name.
    """

    cluster: Cluster
    fault: str = "none"
    target: str = ""
    fails: str = ""
    stall_seconds: int = 90

    @property
    def name(self) -> str:
        """Name of the case: the name of the training's folder, and a value of the benchmark's option --only."""
        return "-".join(filter(None, [self.cluster.strategy, self.fault.replace(" ", "-"), self.target]))


@dataclass
class Result:
    """Outcome of a case.

    Attributes:
        case: the case.
        ending: "ends" or "continues" if the training reached its last step, "fails" if it did not.
        steps: global step at the end.
        lost: number of steps that were repeated, because a fault lost them.
        seconds: duration of the training.
        broken: one sentence for each promise that the training broke.
    """

    case: Case
    ending: str = ""
    steps: int = 0
    lost: int = 0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)

    def row(self) -> str:
        """Returns the outcome as a row of a Markdown table."""
        cells = [self.case.cluster.strategy, self.case.fault, self.case.target, self.ending, self.steps, self.lost]
        return f"| {' | '.join(map(str, cells))} | {self.seconds:.0f} |"


class FaultInjector(logging.Handler):
    """Reads the log records of a training, and injects the fault when the training has reached a step.

    Attributes:
        done: whether the fault was injected.
        lost: number of steps that the training lost.
        saved_step: step of the newest checkpoint when the fault was injected.
        continued_step: step of the newest checkpoint when the training continued.
    """

    def __init__(self, case: Case, training: str, fault_step: int) -> None:
        """`training`: folder of the training. `fault_step`: global step at which the fault happens."""
        super().__init__()
        self._case, self._training, self._fault_step = case, training, fault_step
        self._pids: dict[str, int] = {}
        self._stopped, self.done = False, False
        self.lost, self.saved_step, self.continued_step = 0, 0, sys.maxsize

    def emit(self, record: logging.LogRecord) -> None:
        """Handles the start of a process, a progress report, or lost steps."""
        event = getattr(record, "event", None)
        if isinstance(event, ProcessStarted):
            self._pids[event.name] = event.pid
            if event.name == self._case.target:
                self._stop_at_start(event.pid)
        elif isinstance(event, StepsLost):
            self.lost += event.steps
            self.continued_step = checkpoints.step_of(self._training)
        elif hasattr(record, "progress") and self._fault_step <= record.progress.step < record.progress.steps:
            self._signal_target()

    def _stop_at_start(self, pid: int) -> None:
        """Stops the target at its start if the fault is "never" or "late"; a late process continues after ten seconds."""
        if self._case.fault == "never" or (self._case.fault == "late" and not self._stopped):
            self._stopped, self.done = True, self._case.fault == "never"
            os.kill(pid, signal.SIGSTOP)
            if self._case.fault == "late":
                threading.Timer(_LATE_SECONDS, self._wake, (pid,)).start()

    def _wake(self, pid: int) -> None:
        with suppress(ProcessLookupError):  # the training has ended without this process, so there was no fault
            os.kill(pid, signal.SIGCONT)
            self.done = True

    def _signal_target(self) -> None:
        """Kills or freezes the target once, if that is the fault."""
        number = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}.get(self._case.fault)
        if number and not self.done:
            self.done, self.saved_step = True, checkpoints.step_of(self._training)
            os.kill(self._pids[self._case.target], number)


def training(case: Case, output: Path, path: Path, *, dataset: str, model: str, steps: int, batch_size: int) -> Job:
    """Returns the training of a case.

    Args:
        case: the cluster and the fault.
        output: output folder of a run up to Transform.
        path: folder for the training.
        dataset: name of the dataset.
        model: name of the model.
        steps: global step at which the training ends.
        batch_size: rows per step of each process.
    """
    transform = output / "artifacts" / node_ids.TRANSFORM
    keys = (node_ids.TRANSFORMED_EXAMPLES.key, node_ids.TRANSFORM_GRAPH.key)
    [examples], [graph] = ((transform / key).iterdir() for key in keys)
    settings = TrainSettings(
        steps=steps, batch_size=batch_size, best=discovery.dataset(dataset).best, patience=0, eval_seconds=None,
        checkpoint_steps=steps // _CHECKPOINTS, cluster=case.cluster, retries=1, stall_seconds=case.stall_seconds,
    )  # fmt: skip
    return Job(
        dataset=dataset,
        model=model,
        hyperparameters=hyperparameters.resolve(model).values,
        train_files=[f"{examples}/Split-train/*"],
        eval_files=[f"{examples}/Split-eval/*"],
        transform_graph=str(graph),
        code="",
        folder=str(path),
        settings=settings,
    )


def run(case: Case, training: Job, fault_step: int) -> Result:
    """Runs a training and injects the fault. Returns the outcome with the broken promises.

    Args:
        case: the case that holds the fault.
        training: the training.
        fault_step: global step at which the fault happens.
    """
    injector, began = FaultInjector(case, training.folder, fault_step), time.monotonic()
    loggers = [logging.getLogger(supervisor.__name__), progress.LOGGER]
    for logger in loggers:
        logger.setLevel(logging.INFO)
        logger.addHandler(injector)
    result = Result(case)
    try:
        if "node" in case.fault:
            _stop_trainer(result, training, fault_step)
            injector.done = True
        with folder.held(training.folder) as lock:
            trained = trainer.train(training, lock)
        result.steps, result.ending = trained.steps, "continues" if case.fault != "none" else "ends"
        result.broken += _broken_by_result(trained.saved_model, trained.steps, training)
    except supervisor.ClusterError as error:
        result.ending = "fails"
        if not case.fails or case.fails not in str(error):
            result.broken.append(f"it failed: {error}")
    finally:
        for logger in loggers:
            logger.removeHandler(injector)
    result.lost, result.seconds = result.lost + injector.lost, time.monotonic() - began
    result.broken += _broken_by_run(case, result, injector)
    result.broken += [f"process {pid} is left behind" for pid in _processes(training.folder)]
    return result


def _broken_by_run(case: Case, result: Result, injector: FaultInjector) -> Iterator[str]:
    """Yields a sentence for each promise that the course of the training broke."""
    if case.fault != "none" and not injector.done:
        yield NO_FAULT
    if case.fails and result.ending != "fails":
        yield "it did not fail"
    if injector.continued_step < injector.saved_step:
        yield f"it continued from step {injector.continued_step}, although step {injector.saved_step} was saved"
    if result.seconds > _DEADLINE_SECONDS:
        yield f"it took {result.seconds:.0f} s"


def _broken_by_result(saved_model: str, steps: int, training: Job) -> Iterator[str]:
    """Yields a sentence for each promise that the last step or the exports broke."""
    latest = training.settings.steps + training.settings.cluster.workers
    if not training.settings.steps <= steps <= latest:
        yield f"it ended at step {steps}, not between {training.settings.steps} and {latest}"
    if SERVING_DEFAULT not in tf.saved_model.load(saved_model).signatures:
        yield "its export cannot be served"
    for export in Path(training.folder, "export").glob("*/[0-9]*"):
        if not all((export / name).exists() for name in ("saved_model.pb", "variables/variables.index")):
            yield f"the export {export} is incomplete"


def _stop_trainer(result: Result, training: Job, fault_step: int) -> None:
    """Starts the Trainer in a new process and ends that process at a step, as an operator or a broken machine does."""
    path, kill = f"{training.folder}.json", result.case.fault == "kill node"
    training.write(path)
    node = subprocess.Popen(
        [sys.executable, "-m", __name__, path], stderr=subprocess.PIPE, text=True, cwd=discovery.CHECKOUT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    steps = (int(line.split()[1].split("/")[0]) for line in node.stderr or () if line.startswith("step "))
    step = next((step for step in steps if step >= fault_step), 0)
    node.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
    limit = training.settings.grace_seconds + 10
    node.communicate(timeout=limit)
    if not _is_unlocked(training, time.monotonic() + limit):
        result.broken.append(f"{len(_processes(training.folder))} processes outlived the Trainer")
    saved = checkpoints.step_of(training.folder)
    result.lost = max(0, step - saved)
    if not kill and result.lost:
        result.broken.append(f"asked to end at step {step}, it left a checkpoint of step {saved}")


def _is_unlocked(training: Job, deadline: float) -> bool:
    """Waits until no process holds the lock on the folder. Returns False after the deadline."""
    while time.monotonic() < deadline:
        with suppress(folder.FolderInUseError), folder.held(training.folder):
            return True
        time.sleep(0.1)
    return False


def _train(path: str) -> None:
    """Trains a job as a Trainer does, and prints its progress."""
    progress.LOGGER.setLevel(logging.INFO)
    progress.LOGGER.addHandler(logging.StreamHandler())
    training = job.read(path)
    with folder.held(training.folder) as lock:
        trainer.train(training, lock)


def _processes(training: str) -> list[int]:
    """Returns the ids of the processes that train in a folder."""
    pids = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"{training}/".encode() in line.read_bytes() and int(line.parent.name) != os.getpid():
                pids.append(int(line.parent.name))
        except OSError:  # the process has just ended
            continue
    return pids


if __name__ == "__main__":
    _train(sys.argv[1])
