"""A training that is done some harm in the middle, and whether it keeps its promises all the same."""

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
from trainer_module.estimators import hyperparameters
from trainer_module.training import job, progress
from trainer_module.training.job import Job
from trainer_module.training.settings import Cluster, TrainSettings

# A training by each of the strategies, as small as it can be and still lose a process.
_START_SECONDS = 60

PS = Cluster(workers=2, ps=1, start_seconds=_START_SECONDS)
MIRRORED = Cluster(workers=1, strategy="multi_worker_mirrored", start_seconds=_START_SECONDS)
DEVICES = Cluster(strategy="mirrored", devices=2, start_seconds=_START_SECONDS)

_CHECKPOINTS = 8  # in a training
_LATE_SECONDS = 10.0
# No training takes longer, on two cores that others use too.
_DEADLINE_SECONDS = 240


@dataclass(frozen=True)
class Case:
    """One training and what is done to it.

    Attributes:
        cluster: how it trains.
        fault: "kill", "freeze" (it is there, but stands still), "late", "never" (starts); "kill node" and "end node" (SIGTERM)
            are done to the process of the Trainer; "none".
        member: to whom.
        fails: what the training is to say when it cannot go on; empty if it can.
        stall_seconds: after which a silence is taken for the end.
    """

    cluster: Cluster
    fault: str = "none"
    member: str = ""
    fails: str = ""
    stall_seconds: int = 90

    @property
    def name(self) -> str:
        """Of its folder, and for --only."""
        return "-".join(filter(None, [self.cluster.strategy, self.fault.replace(" ", "-"), self.member]))


@dataclass
class Result:
    """What came of a case."""

    case: Case
    words: str = ""
    steps: int = 0
    lost: int = 0
    seconds: float = 0.0
    broken: list[str] = field(default_factory=list)

    def row(self) -> str:
        """Of the table."""
        cells = [self.case.cluster.strategy, self.case.fault, self.case.member, self.words, self.steps, self.lost]
        return f"| {' | '.join(map(str, cells))} | {self.seconds:.0f} |"


class FaultInjector(logging.Handler):
    """Listens to a training, does the harm when it is time, and remembers what it saw."""

    def __init__(self, case: Case, training: str, at: int) -> None:
        """`training`: its folder. `at`: the step from which on harm is done."""
        super().__init__()
        self._case, self._training, self._at = case, training, at
        self._pids: dict[str, int] = {}
        self._stopped, self.done, self.lost, self.saved, self.went_on = False, False, 0, 0, sys.maxsize

    def emit(self, record: logging.LogRecord) -> None:
        """A process was started, a step reported, or steps are lost."""
        if hasattr(record, "pid"):
            self._pids[record.member] = record.pid  # type: ignore[attr-defined]
            if record.member == self._case.member:  # type: ignore[attr-defined]
                self._at_start(record.pid)
        elif hasattr(record, "progress") and record.progress.step >= self._at:
            self._at_step()
        elif hasattr(record, "lost_steps"):
            self.lost += record.lost_steps
            self.went_on = checkpoints.step_of(self._training)

    def _at_start(self, pid: int) -> None:
        if self._case.fault == "never" or (self._case.fault == "late" and not self._stopped):
            self._stopped, self.done = True, self._case.fault == "never"
            os.kill(pid, signal.SIGSTOP)
            if self._case.fault == "late":
                threading.Timer(_LATE_SECONDS, self._wake, (pid,)).start()

    def _wake(self, pid: int) -> None:
        with suppress(ProcessLookupError):  # the training has ended without it: then no harm was done
            os.kill(pid, signal.SIGCONT)
            self.done = True

    def _at_step(self) -> None:
        number = {"kill": signal.SIGKILL, "freeze": signal.SIGSTOP}.get(self._case.fault)
        if number and not self.done:
            self.done, self.saved = True, checkpoints.step_of(self._training)
            os.kill(self._pids[self._case.member], number)


def training(case: Case, output: Path, path: Path, *, dataset: str, model: str, steps: int, batch_size: int) -> Job:
    """Returns the training of a case.

    Args:
        case: to be trained.
        output: folder of a run that went as far as Transform.
        path: folder of the training.
        dataset: name.
        model: name.
        steps: at which it ends.
        batch_size: rows a step, of each process.
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


def run(case: Case, training: Job, at: int) -> Result:
    """Trains, with harm done from a step on."""
    injector, began = FaultInjector(case, training.folder, at), time.monotonic()
    loggers = [logging.getLogger(supervisor.__name__), progress.LOGGER]
    for logger in loggers:
        logger.setLevel(logging.INFO)
        logger.addHandler(injector)
    result = Result(case)
    try:
        if "node" in case.fault:
            _harm_the_node(result, training, at)
            injector.done = True
        with folder.held(training.folder) as lock:
            trained = trainer.train(training, lock)
        result.steps, result.words = trained.steps, "goes on" if case.fault != "none" else "ends"
        result.broken += _wrong_with(trained.saved_model, trained.steps, training)
    except supervisor.ClusterError as error:
        result.words = "fails"
        if not case.fails or case.fails not in str(error):
            result.broken.append(f"it failed: {error}")
    finally:
        for logger in loggers:
            logger.removeHandler(injector)
    result.lost, result.seconds = result.lost + injector.lost, time.monotonic() - began
    result.broken += _broken(case, result, injector)
    result.broken += [f"process {pid} is left behind" for pid in _processes(training.folder)]
    return result


def _broken(case: Case, result: Result, injector: FaultInjector) -> Iterator[str]:
    if case.fault != "none" and not injector.done:
        yield "the fault did not happen"
    if case.fails and result.words != "fails":
        yield "it was to fail"
    if injector.went_on < injector.saved:
        yield f"it went on from step {injector.went_on}, though step {injector.saved} had been saved"
    if result.seconds > _DEADLINE_SECONDS:
        yield f"it took {result.seconds:.0f} s"


def _wrong_with(saved_model: str, steps: int, training: Job) -> Iterator[str]:
    latest = training.settings.steps + training.settings.cluster.workers
    if not training.settings.steps <= steps <= latest:
        yield f"it ended at step {steps}, not between {training.settings.steps} and {latest}"
    if "serving_default" not in tf.saved_model.load(saved_model).signatures:
        yield "its export cannot be served"
    for export in Path(training.folder, "export").glob("*/[0-9]*"):
        if not all((export / name).exists() for name in ("saved_model.pb", "variables/variables.index")):
            yield f"the export {export} is cut off"


def _harm_the_node(result: Result, training: Job, at: int) -> None:
    """Ends the process of the Trainer in the middle of a training, as an operator or a machine does it."""
    path, kill = f"{training.folder}.json", result.case.fault == "kill node"
    training.write(path)
    node = subprocess.Popen(
        [sys.executable, "-m", __name__, path], stderr=subprocess.PIPE, text=True, cwd=discovery.CHECKOUT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    steps = (int(line.split()[1].split("/")[0]) for line in node.stderr or () if line.startswith("step "))
    step = next((step for step in steps if step >= at), 0)
    node.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
    limit = training.settings.grace_seconds + 10
    node.communicate(timeout=limit)
    if not _left(training, time.monotonic() + limit):
        result.broken.append(f"{len(_processes(training.folder))} processes outlived the node")
    saved = checkpoints.step_of(training.folder)
    result.lost = max(0, step - saved)
    if not kill and result.lost:
        result.broken.append(f"asked to end at step {step}, it left a checkpoint of step {saved}")


def _left(training: Job, until: float) -> bool:
    """Waits until the last process has let go of the lock on the folder. Returns whether it did in time."""
    while time.monotonic() < until:
        with suppress(folder.FolderInUseError), folder.held(training.folder):
            return True
        time.sleep(0.1)
    return False


def _node(path: str) -> None:
    """Is the process of a Trainer: trains a job, reports its steps."""
    progress.LOGGER.setLevel(logging.INFO)
    progress.LOGGER.addHandler(logging.StreamHandler())
    training = job.read(path)
    with folder.held(training.folder) as lock:
        trainer.train(training, lock)


def _processes(training: str) -> list[int]:
    """Returns the processes that train in a folder."""
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"{training}/".encode() in line.read_bytes() and int(line.parent.name) != os.getpid():
                found.append(int(line.parent.name))
        except OSError:  # it has just ended
            continue
    return found


if __name__ == "__main__":
    _node(sys.argv[1])
