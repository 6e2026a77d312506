"""The role processes of a cluster on this machine: which roles exist, and how each process is started."""

import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs

from data import metric_names
from tests.support.settings import train_settings
from trainer_module.cluster import role_processes, tf_config_problems
from trainer_module.training import job as jobs
from trainer_module.training.job import Job
from trainer_module.training.settings import Cluster

PS = Cluster(workers=2, ps=1)
ALL = ["chief-0", "worker-0", "worker-1", "ps-0", "evaluator-0"]  # its processes


@pytest.fixture
def job(tmp_path):
    return Job(
        "taxi", "none", {}, [], [], "", "", str(tmp_path), train_settings(100, best=metric_names.AUC, patience=20, cluster=PS)
    )


@pytest.fixture
def started():
    """What the processes are started with: (command, environment, log, header, descriptors)."""
    return []


@pytest.fixture
def start(started):
    """Returns a function: starts the processes of a job. Their names."""

    def start(job, lock=None):
        free = [f"127.0.0.1:{i + 1}" for i in range(role_processes.address_count(job))]
        processes = role_processes.create(job, free, lock, lambda *arguments: started.append(arguments))
        for process in processes:
            process.start(1)
        return [process.name for process in processes]

    return start


def configs(started):
    return [json.loads(environment["TF_CONFIG"]) for _, environment, *_ in started]


def test_a_cluster_with_parameter_servers_has_every_role_and_an_address_for_each(job, start, started):
    assert start(job) == ALL
    cluster = {"chief": ["127.0.0.1:1"], "worker": ["127.0.0.1:2", "127.0.0.1:3"], "ps": ["127.0.0.1:4"]}
    assert [c["cluster"] for c in configs(started)] == [cluster] * 5
    assert all(tf_config_problems.find(json.dumps(c), "parameter_server") == [] for c in configs(started))


def test_a_cluster_in_lockstep_has_no_parameter_server(job, start, started):
    lockstep = Cluster(workers=1, strategy="multi_worker_mirrored")
    job = replace(job, settings=structs.replace(job.settings, cluster=lockstep))
    assert start(job) == ["chief-0", "worker-0", "evaluator-0"]
    assert all(tf_config_problems.find(json.dumps(c), lockstep.strategy) == [] for c in configs(started))


@pytest.mark.parametrize("cluster", [Cluster(), Cluster(strategy="mirrored", devices=2)])
def test_a_single_process_gets_no_tf_config_not_even_an_inherited_one(job, start, started, monkeypatch, cluster):
    monkeypatch.setenv("TF_CONFIG", "{}")
    assert start(replace(job, settings=structs.replace(job.settings, cluster=cluster))) == ["local-0"]
    assert "TF_CONFIG" not in started[0][1]


def test_a_role_process_gets_the_job_the_import_path_and_the_lock(job, start, started, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", ["", "/elsewhere", *sys.path])
    start(job, lock=7)
    command, environment, log, header, keeps = started[2]
    assert command[1:3] == ["-m", "trainer_module.cluster.role"]
    assert jobs.read(command[3]) == job
    assert environment["PYTHONPATH"].split(os.pathsep)[:2] == [str(Path.cwd()), "/elsewhere"]
    assert (log, header, keeps) == (tmp_path / "cluster" / "worker-1.log", "worker-1, start 1", (7,))


def test_the_logs_of_a_training_in_a_remote_folder_are_here(job, start, started, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    start(replace(job, folder="ram://bucket/training"))
    assert [log for _, _, log, *_ in started] == [tmp_path / "bucket" / "training" / "cluster" / f"{name}.log" for name in ALL]
