"""Searches on a toy: with real Estimators, or with stubs without TensorFlow if only the processes matter."""

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
    """Returns a job on fruit. `fixed`: configured hyperparameters; `examples`: (train files, eval files, Transform graph)."""
    train, evaluation, graph = examples or (["train"], ["eval"], "graph")
    training = train_settings(**{"steps": 100, "batch_size": 50, "best": metric_names.AUC, "grace_seconds": 20} | settings)
    return Job("toy.fruit", model, fixed or {}, train, evaluation, graph, "code", "", training)


def build_search_spec(root, job, **tuning):
    """Returns the specification of a search in the folder `root`. `tuning`: its settings."""
    return search_spec.SearchSpec(job, TuneSettings(**{"trials": 3, "oracle": "random"} | tuning), str(root))


def tuner(root, job, *, stub=True, **tuning):
    """Returns the tuner of a search with stubs or with real trials."""
    spec = build_search_spec(root, job, **tuning)
    return search.EstimatorTuner(spec, start_stub) if stub else search.EstimatorTuner(spec)


def run_search(root, job, **settings):
    """Runs a search to its end. Returns its tuner and its trials."""
    result = tuner(root, job, **settings)
    result.search()
    return result, trial_table.read(result.project_dir)


def start_stub(folder, log, lock, slot, parallel):
    """Starts the process of a stub trial, as `search.EstimatorTuner` starts a real one."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]), "STUB_SLOT": f"{slot}/{parallel}"}
    return ChildProcess([sys.executable, str(STUB), folder], environment, Path(log), "stub", [lock])


@contextmanager
def in_a_process(root, job, **settings):
    """Runs a search of stubs in a new process, and kills it afterwards."""
    arguments = msgspec.json.encode([str(root), job, settings]).decode()
    code = "import sys; from tests.support import searches; searches.main(sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    with subprocess.Popen([sys.executable, "-c", code, arguments], env=environment, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def main(arguments):
    """The program of the process of `in_a_process`. SIGTERM ends it, as by default."""
    root, job_json, settings = json.loads(arguments)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    run_search(root, msgspec.convert(job_json, Job), **settings)


def wait_until(condition, expected):
    """Waits until a condition returns a true value, and returns that value."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (result := condition()):
        assert time.monotonic() < deadline, f"no {expected} within {DEADLINE_SECONDS} s"
        time.sleep(0.05)
    return result


def states(trials):
    """Returns the states of trials, such as "completed"."""
    return [trial.state for trial in trials]


def starts(trial):
    """Returns how many processes ran for a trial."""
    return Path(trial.log).read_text().count("== ")
