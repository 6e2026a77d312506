"""Real clusters on this machine train on a toy dataset. They finish although their processes are killed."""

import contextlib
import importlib
import json
import logging
import os
import pkgutil
import random
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

import trainer_module
from tests.support import faults
from tests.support.cli import ROOT, environment
from tests.support.faults import DEVICES, MIRRORED, PS, Case
from trainer_module import trainer
from trainer_module.checkpoints import folder
from trainer_module.cluster import addresses, run_role, supervisor, tf_config
from trainer_module.cluster.hooks import StopInTimeHook
from trainer_module.estimators import hyperparameters
from trainer_module.files import lock
from trainer_module.supervision import heartbeat
from trainer_module.supervision.control import Control
from trainer_module.training import attempt, progress, training_state
from trainer_module.training.settings import Cluster

STEPS = 1200
SECONDS = 120


@pytest.fixture
def training(materialised, tmp_path):
    """Returns a function: a case -> the Job that it trains."""

    def training(case, steps=STEPS, **settings):
        job = faults.training(
            case, materialised("toy.fruit"), tmp_path / "training",
            dataset="toy.fruit", model="canned_linear", steps=steps, batch_size=20,
        )  # fmt: skip
        return replace(job, settings=structs.replace(job.settings, **settings))

    return training


def run_with_fault(case, training):
    """Runs a case with its fault at a random step, which differs from run to run. Returns the Result."""
    # On a busy machine a training may end before its next report. Then the fault has not happened: try an earlier step.
    for latest in (STEPS * 3 // 4, STEPS // 2, STEPS // 3):
        job, step = training(case), random.randrange(STEPS // 4, latest)
        shutil.rmtree(job.folder, ignore_errors=True)
        result = faults.run(case, job, step)
        if faults.NO_FAULT not in result.broken:
            break
    assert result.broken == [], f"the fault was injected at step {step}"
    return result


def train(job):
    with folder.held(job.folder) as held:
        return trainer.train(job, held)


def test_a_cluster_continues_while_a_killed_worker_restarts(training, caplog):
    caplog.set_level(logging.INFO)
    result = run_with_fault(Case(PS, "kill", "worker-1"), training)
    assert result.lost == 0
    [warning] = [r.getMessage() for r in caplog.records if r.name == supervisor.__name__ and r.levelname == "WARNING"]
    assert warning.startswith("worker-1 was killed by SIGKILL. It is started again in 0.5 s.")
    steps = [r.progress.step for r in caplog.records if r.name == progress.LOGGER.name]
    assert steps and steps == sorted(steps)


def test_a_single_supervised_process_trains(training, tmp_path):
    job = training(Case(Cluster()), steps=300)
    with folder.held(job.folder) as held:
        supervisor.run(job, held, Control())
    assert (tmp_path / "training" / "cluster" / "local-0.log").read_text().startswith("== 2")
    trained = train(job)
    assert (trained.steps, trained.resumed_from) == (300, 300)


@pytest.mark.parametrize(
    "text",
    [
        '{"cluster": {"chief": ["h:1"]}, "task": {"type": "chief", "index": 0}}',
        '{"cluster": {"chief": ["h:1"], "ps": ["h:2"]}, "task": {"type": "chief", "index": 0}}',
        '{"cluster":',
    ],
    ids=["a chief", "a chief and ps", "no JSON"],
)
def test_a_trainer_ignores_tf_config_with_a_warning(text, training, monkeypatch, caplog):
    monkeypatch.setenv("TF_CONFIG", text)
    job = training(Case(Cluster()), steps=20, stall_seconds=20, retries=0)
    assert train(replace(job, model="toy.constant", hyperparameters={})).steps == 20
    [warning] = [r.getMessage() for r in caplog.records if r.name == tf_config.__name__]
    assert warning.startswith("TF_CONFIG is set, but a Trainer does not use it") and warning.endswith(f"Received: {text}")


@pytest.mark.parametrize("model", ["canned_linear", "canned_wide_deep", "custom_wide_deep", "keras_wide_deep", "toy.constant"])
def test_for_every_kind_of_estimator_the_hook_reads_the_step_after_it_is_incremented(model, training):
    steps_read = []

    class Spy(StopInTimeHook):
        def after_run(self, run_context, run_values):
            steps_read.append(int(run_values.results))
            super().after_run(run_context, run_values)

    job = replace(training(Case(PS)), model=model, hyperparameters=hyperparameters.resolve(model).values)
    prepared = attempt.build(job, Control())
    prepared.estimator.train(prepared.train_input_fn, hooks=[Spy(30)], steps=100)
    assert steps_read == list(range(1, 31))


@pytest.mark.slow
@pytest.mark.parametrize(
    "case",
    [
        Case(PS, "kill", "chief-0"),
        Case(PS, "kill", "ps-0"),
        Case(PS, "kill", "evaluator-0"),
        Case(PS, "late", "worker-0"),
        Case(structs.replace(PS, start_seconds=25), "never", "worker-0"),
        Case(structs.replace(MIRRORED, start_seconds=25), "never", "worker-0", fails="worker-0 did not start within 25 s"),
        Case(PS, "kill node"),
        Case(PS, "end node"),
        Case(MIRRORED, "kill", "worker-0"),
        Case(DEVICES, "kill", "local-0"),
    ],
    ids=lambda case: case.name,
)
def test_a_training_ends_after_every_kind_of_fault(case, training):
    run_with_fault(case, training)


@pytest.mark.slow
def test_the_stop_rule_ends_a_cluster(training):
    job = training(Case(PS), steps=1_000_000, checkpoint_steps=2000, eval_seconds=0, patience=2000)
    trained = train(replace(job, model="toy.constant", hyperparameters={}))
    assert trained.ended_by == "no better auc in 2000 steps"
    assert trained.best_step + 2000 <= trained.steps < 1_000_000


# Roles without a supervisor: started by hand, or as a TFJob.


@contextlib.contextmanager
def started(job, task, cluster, *options):
    env = environment() | {"PYTHONPATH": os.pathsep.join(sys.path), **addresses.REUSE_PORT}
    if task:
        config = {"cluster": cluster, "task": {"type": task, "index": 0}, "environment": "cloud"}
        env["TF_CONFIG"] = json.dumps(config)
    command = [sys.executable, "-m", "trainer_module.cluster.role", training_state.job_file(job), *options]
    with subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def until_held(job, process):
    """Waits until `process` holds the folder. Reads the lock file: to take the lock here would lock the process out."""
    deadline = time.monotonic() + SECONDS
    while Path(job.folder, lock.FILE).read_text() != str(process.pid):
        assert process.poll() is None and time.monotonic() < deadline, "the process has not locked the folder"
        time.sleep(0.1)


@pytest.mark.slow
def test_roles_started_by_hand_continue_the_training_of_a_trainer(training):
    job = training(Case(Cluster()), steps=10)
    train(job)
    roles = ("ps", "chief", "worker", "evaluator")
    with addresses.reserve(len(roles)) as free, contextlib.ExitStack() as stack:
        cluster = {role: [address] for role, address in zip(roles, free, strict=True)}
        ps, *others = [stack.enter_context(started(job, role, cluster, "--steps", "300")) for role in roles]
        until_held(job, others[0])
        with pytest.raises(folder.FolderInUseError, match=f"Process {others[0].pid} works in {job.folder}") as error:
            train(job)
        second = stack.enter_context(started(job, "chief", cluster, "--steps", "300"))
        assert str(error.value) in second.communicate(timeout=SECONDS)[1]
        assert second.returncode == heartbeat.RESTART
        ended = [(role.communicate(timeout=SECONDS), role.returncode) for role in others]
        assert [code for _, code in ended] == [heartbeat.DONE] * 3, ended
        assert ps.poll() is None  # a parameter server never ends by itself
    trained = train(replace(job, settings=structs.replace(job.settings, steps=300, cluster=Cluster(workers=1, ps=1))))
    assert 300 <= trained.steps == trained.resumed_from <= 301


# The errors of a process that cannot play its role.


def start(job, config, **settings):
    job = replace(job, settings=structs.replace(job.settings, cluster=structs.replace(job.settings.cluster, **settings)))
    job.write(f"{job.folder}/cluster/job.json")
    env = environment() | {"TF_CONFIG": json.dumps(config), "PYTHONPATH": os.pathsep.join(sys.path), **addresses.REUSE_PORT}
    command = [sys.executable, "-m", "trainer_module.cluster.role", f"{job.folder}/cluster/job.json"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_a_process_with_a_wrong_tf_config_ends_at_once(training):
    result = start(training(Case(PS)), {"cluster": {"chief": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}})
    assert result.returncode == heartbeat.DO_NOT_RESTART
    assert 'TF_CONFIG is wrong. "task.type" says that this is a worker' in result.stderr


def test_the_error_of_a_process_names_the_parameter_server_that_does_not_answer(training):
    with addresses.reserve(2) as (chief, ps):
        cluster = {"chief": [chief], "ps": [ps], "evaluator": ["e:1"]}
        result = start(
            training(Case(PS)),
            {"cluster": cluster, "task": {"type": "chief", "index": 0}, "environment": "cloud"},
            start_seconds=1,
        )
    assert result.returncode == heartbeat.RESTART
    assert f"ps-0 did not answer at {ps} within 1 s" in result.stderr


def test_every_error_about_a_model_or_its_settings_is_permanent():
    names = [m.name for m in pkgutil.walk_packages(trainer_module.__path__, "trainer_module.") if ".tuning" not in m.name]
    classes = {c for name in names for c in vars(importlib.import_module(name)).values() if isinstance(c, type)}
    own_errors = {c for c in classes if issubclass(c, ValueError) and c.__module__.split(".")[0] in ("trainer_module", "data")}
    # A TFConfigError is raised before the role starts, so it is not in the table.
    assert own_errors - {tf_config.TFConfigError} == {c for c in run_role.PERMANENT_ERRORS if issubclass(c, ValueError)}


def test_no_process_of_a_cluster_imports_tfx():
    text = (
        "import sys; from trainer_module.cluster import role, run_role; from data import discovery\n"
        "from trainer_module.models import NAME\n"
        "for name in discovery.names(NAME): discovery.load(NAME, name)\n"
        "for name in ('taxi', 'housing', 'co2', 'reviews'): discovery.dataset(name)\n"
        "print([m for m in ('tfx', 'apache_beam', 'tensorflow_model_analysis', 'pipeline') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (result.returncode, result.stdout) == (0, "[]\n"), result.stderr
