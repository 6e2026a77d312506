"""A training in plain values: its file, and which of its values are part of its fingerprint."""

from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from data import metric_names
from tests.support.settings import train_settings
from trainer_module.checkpoints.evaluations import Evaluations
from trainer_module.training import job as jobs
from trainer_module.training.job import Job
from trainer_module.training.settings import Cluster

JOB = Job("taxi", "custom_wide_deep", {"rate": 0.1}, ["b", "a"], ["c"], "graph", "c0de", "", train_settings(100, best="loss"))


def test_what_is_written_is_read(tmp_path):
    path = str(tmp_path / jobs.FILE)
    work = replace(JOB, base_model="/serving/1", settings=structs.replace(JOB.settings, cluster=Cluster(workers=2, ps=1)))
    work.write(path)
    assert jobs.read(path) == work


def test_a_number_of_numpy_which_an_oracle_chooses_is_written_as_a_number(tmp_path):
    path = str(tmp_path / jobs.FILE)
    replace(JOB, hyperparameters={"rate": np.float64(0.25), "units": 4}).write(path)
    assert jobs.read(path).hyperparameters == {"rate": 0.25, "units": 4}


@pytest.mark.parametrize(
    ("dataset", "best", "direction"), [("taxi", metric_names.AUC, "higher"), ("housing", metric_names.MAE, "lower")]
)
def test_the_evaluations_of_a_training_are_compared_by_its_metric_in_the_direction_of_the_task(dataset, best, direction):
    work = replace(JOB, dataset=dataset, folder="/training", settings=structs.replace(JOB.settings, best=best))
    assert work.direction == direction
    assert work.evaluations == Evaluations("/training", best, direction)


@pytest.mark.parametrize(
    "changed",
    [
        {"dataset": "housing"},
        {"model": "canned_linear"},
        {"hyperparameters": {"rate": 0.2}},
        {"train_files": ["b"]},
        {"transform_graph": "another"},
        {"code": "beef"},
        {"base_model": "/serving/1"},
        {"settings": structs.replace(JOB.settings, batch_size=7)},
        {"settings": structs.replace(JOB.settings, seed=7)},
        {"settings": structs.replace(JOB.settings, best=metric_names.AUC)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_decides_the_weights_or_the_best_checkpoint_makes_another_training(changed):
    assert replace(JOB, **changed).fingerprint() != JOB.fingerprint()


@pytest.mark.parametrize(
    "changed",
    [
        {"train_files": ["a", "b"]},  # their order does not count
        {"eval_files": ["another"]},
        {"folder": "/elsewhere"},
        {"settings": structs.replace(JOB.settings, steps=7)},
        {"settings": structs.replace(JOB.settings, checkpoint_steps=7)},
        {"settings": structs.replace(JOB.settings, memory_mb=7)},
        {"settings": structs.replace(JOB.settings, cluster=Cluster(workers=2, ps=1))},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_length_cadence_and_machines_do_not(changed):
    assert replace(JOB, **changed).fingerprint() == JOB.fingerprint()
