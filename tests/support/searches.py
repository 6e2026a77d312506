"""Searches on a toy: of real Estimators, or, where only their processes matter, of stubs that need no TensorFlow."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import msgspec

from data import metric_names
from tests.support.settings import train_settings
from trainer_module.supervision.child_process import ChildProcess
from trainer_module.training.job import Job
from trainer_module.tuning import search, search_spec, trial_table
from trainer_module.tuning.settings import TuneSettings

ROOT = Path(__file__).parents[2]
STUB = Path(__file__).with_name("stub_trial.py")
DEADLINE_SECONDS = 120


def job(model="toy.peak", fixed=None, examples=None, **settings):
    """A job on fruit; `examples` is (train files, eval files, Transform graph)."""
    train, evaluation, graph = examples or (["train"], ["eval"], "graph")
    training = train_settings(**{"steps": 100, "batch_size": 50, "best": metric_names.AUC, "grace_seconds": 20} | settings)
    return Job("toy.fruit", model, fixed or {}, train, evaluation, graph, "code", "", training)


def planned(root, job, **tuning):
    return search_spec.SearchSpec(job, TuneSettings(**{"trials": 3, "oracle": "random"} | tuning), str(root))


def tuner(root, job, *, stub=True, **tuning):
    """The tuner of a search, of stubs or of real trials."""
    spec = planned(root, job, **tuning)
    return search.EstimatorTuner(spec, start_stub) if stub else search.EstimatorTuner(spec)


def searched(root, job, **settings):
    """Runs a search to its end. Returns its tuner and its records."""
    result = tuner(root, job, **settings)
    result.search()
    return result, trial_table.read(result.project_dir)


def start_stub(folder, log, lock, slot, parallel):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "STUB_SLOT": f"{slot}/{parallel}"}
    return ChildProcess([sys.executable, str(STUB), folder], environment, Path(log), "stub", [lock])


@contextmanager
def in_a_process(root, job, **settings):
    """Runs a search of stubs in a process of its own, which is ended at last."""
    arguments = msgspec.json.encode([str(root), job, settings]).decode()
    code = "import sys; from tests.support import searches; searches.main(sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    with subprocess.Popen([sys.executable, "-c", code, arguments], env=environment, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def main(arguments):
    """What that process does. SIGTERM has its usual effect."""
    root, job_json, settings = json.loads(arguments)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    searched(root, msgspec.convert(job_json, Job), **settings)


def until(condition, expected):
    """Waits for a condition, and returns what it returned."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (result := condition()):
        assert time.monotonic() < deadline, f"no {expected} within {DEADLINE_SECONDS} s"
        time.sleep(0.05)
    return result


def states(trials):
    return [trial.state for trial in trials]


def starts(trial):
    """How many processes a trial has had."""
    return Path(trial.log).read_text().count("== ")
