"""Who belongs to a cluster on this machine, and where its training stands."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.trainer_module.training.test_loop import checkpoints
from trainer_module.cluster import role_processes, tf_config
from trainer_module.training import job as jobs
from trainer_module.training.job import Job
from trainer_module.training.settings import Cluster, Settings
from trainer_module.training.training_state import Outcome

PS = Cluster(workers=2, ps=1)


@pytest.fixture
def job(tmp_path):
    return Job("taxi", "none", {}, [], [], "", "", str(tmp_path), Settings(100, 1, best="auc", patience=20, cluster=PS))


@pytest.fixture
def started(monkeypatch):
    """What the members are started with: (command, environment, log, header, descriptors)."""
    seen = []
    monkeypatch.setattr(role_processes, "ChildProcess", lambda *arguments: seen.append(arguments))
    return seen


def start(job, lock=None):
    free = [f"127.0.0.1:{i + 1}" for i in range(role_processes.address_count(job))]
    found = role_processes.create(job, free, lock)
    for member in found:
        member.start(1)
    return [m.name for m in found]


def configs(started):
    return [json.loads(environment["TF_CONFIG"]) for _, environment, *_ in started]


def test_a_cluster_with_parameter_servers_has_every_role_and_an_address_for_each(job, started):
    assert start(job) == ["chief-0", "worker-0", "worker-1", "ps-0", "evaluator-0"]
    cluster = {"chief": ["127.0.0.1:1"], "worker": ["127.0.0.1:2", "127.0.0.1:3"], "ps": ["127.0.0.1:4"]}
    assert [c["cluster"] for c in configs(started)] == [cluster] * 5
    assert all(tf_config.problems(json.dumps(c), "parameter_server") == [] for c in configs(started))


def test_one_in_lockstep_has_no_parameter_server(job, started):
    lockstep = Cluster(workers=1, strategy="multi_worker_mirrored")
    job = replace(job, settings=replace(job.settings, cluster=lockstep))
    assert start(job) == ["chief-0", "worker-0", "evaluator-0"]
    assert all(tf_config.problems(json.dumps(c), lockstep.strategy) == [] for c in configs(started))


@pytest.mark.parametrize("cluster", [Cluster(), Cluster(strategy="mirrored", devices=2)])
def test_one_process_alone_has_no_tf_config_not_even_an_inherited_one(job, started, monkeypatch, cluster):
    monkeypatch.setenv("TF_CONFIG", "{}")
    assert start(replace(job, settings=replace(job.settings, cluster=cluster))) == ["local-0"]
    assert "TF_CONFIG" not in started[0][1]


def test_a_member_finds_the_job_the_project_and_the_lock(job, started, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", ["", "/elsewhere", *sys.path])
    start(job, lock=7)
    command, environment, log, header, keeps = started[2]
    assert command[1:3] == ["-m", "trainer_module.cluster.role"]
    assert jobs.read(command[3]) == job
    assert environment["PYTHONPATH"].split(os.pathsep)[:2] == [str(Path.cwd()), "/elsewhere"]
    assert (log, header, keeps) == (tmp_path / "cluster" / "worker-1.log", "worker-1, start 1", (7,))


def test_the_logs_of_a_training_in_a_remote_folder_are_here(monkeypatch, tmp_path):
    monkeypatch.setattr(role_processes.tempfile, "mkdtemp", lambda prefix: str(tmp_path / prefix))
    assert role_processes._logs("gs://bucket/training") == tmp_path / "cluster-"


# Where the training stands.


def saved(folder, step):
    for suffix in ("index", "data-00000-of-00001"):
        (folder / f"model.ckpt-{step}.{suffix}").write_text("")
    (folder / "checkpoint").write_text(f'model_checkpoint_path: "model.ckpt-{step}"\n')


def evaluated(outcome, folder, step, auc, inside=None):
    """Evaluates a checkpoint, which holds a step that its name does not say."""
    metrics = {"auc": auc, "loss": 1.0, "global_step": inside or step}
    outcome.evaluations.record(str(folder / f"model.ckpt-{step}"), metrics, None)


def test_a_training_is_over_when_its_last_checkpoint_was_evaluated(job, tmp_path):
    outcome = Outcome(job)
    assert (outcome.step(), outcome.evaluated_step(), outcome.complete(), outcome.over()) == (0, 0, False, False)
    saved(tmp_path, 50)
    evaluated(outcome, tmp_path, 50, 0.6)
    assert (outcome.evaluated(), outcome.complete(), outcome.over()) == (True, False, False)
    saved(tmp_path, 101)
    assert (outcome.evaluated(), outcome.complete(), outcome.over()) == (False, True, False)
    evaluated(outcome, tmp_path, 101, 0.6)
    assert (outcome.evaluated(), outcome.over()) == (True, True)


def test_a_checkpoint_is_told_by_its_name_whatever_step_it_holds(job, tmp_path):
    outcome = Outcome(job)
    saved(tmp_path, 98)
    evaluated(outcome, tmp_path, 98, 0.6, inside=101)
    saved(tmp_path, 100)
    assert (outcome.evaluated_step(), outcome.evaluated()) == (98, False)


def test_by_the_stop_rule_it_is_over_when_the_last_checkpoint_was_written(job, tmp_path):
    outcome = Outcome(job)
    for step in (10, 30):
        saved(tmp_path, step)
        evaluated(outcome, tmp_path, step, 0.6)
    assert (outcome.complete(), outcome.over()) == (True, False)
    outcome.leave()
    assert outcome.over()
    saved(tmp_path, 40)  # one more
    assert (outcome.complete(), outcome.over()) == (False, False)
    evaluated(outcome, tmp_path, 40, 0.7)  # and it is better: the training goes on
    outcome.leave()
    assert (outcome.complete(), outcome.over()) == (False, False)


def test_falling_back_forgets_what_was_found_in_a_checkpoint_that_is_lost(job, tmp_path):
    outcome = Outcome(job)
    saved(tmp_path, 10)
    evaluated(outcome, tmp_path, 10, 0.6)
    outcome.fall_back()  # none can be read: these are empty files
    assert (checkpoints(tmp_path), outcome.step(), outcome.evaluated_step()) == ([], 0, 0)


def test_what_ended_processes_have_left_is_removed(job, tmp_path):
    for name in ("tmp_worker_0/events", "cluster/evaluated/model.ckpt-1.index", "cluster/chief-0.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    Outcome(job).tidy()
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["chief-0.log", "cluster"]
