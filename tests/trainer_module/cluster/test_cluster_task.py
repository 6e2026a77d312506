"""One process of a cluster: its name, its shard of the rows, its peers, its TF_CONFIG."""

import json

import pytest

from trainer_module.cluster.cluster_task import ClusterTask

CLUSTER = {"chief": ["a:1"], "worker": ["b:1", "c:1"], "ps": ["d:1"]}


@pytest.mark.parametrize(("role", "index", "name"), [("chief", 0, "chief-0"), ("worker", 1, "worker-1"), ("ps", 0, "ps-0")])
def test_a_process_is_named_after_its_role_and_index(role, index, name):
    assert ClusterTask(role, index, CLUSTER).name == name


@pytest.mark.parametrize(("role", "index", "shard"), [("chief", 0, (0, 3)), ("worker", 0, (1, 3)), ("worker", 1, (2, 3))])
def test_shards_are_counted_from_the_chief_on(role, index, shard):
    assert ClusterTask(role, index, CLUSTER).shard == shard


def test_a_chief_without_workers_has_all_rows():
    assert ClusterTask("chief", 0, {"chief": ["a:1"], "ps": ["d:1"]}).shard == (0, 1)


@pytest.mark.parametrize(
    ("task", "roles", "others"),
    [
        (("worker", 1), ("chief", "worker"), {"chief-0": "a:1", "worker-0": "b:1"}),
        (("worker", 1), ("ps",), {"ps-0": "d:1"}),
        (("ps", 0), ("ps",), {}),
        (("evaluator", 0), ("chief",), {"chief-0": "a:1"}),
    ],
)
def test_the_others_are_all_but_oneself(task, roles, others):
    assert ClusterTask(*task, CLUSTER).others(*roles) == others


def test_its_tf_config_has_the_cluster_and_the_task():
    text = ClusterTask("evaluator", 0, CLUSTER).to_json()
    assert json.loads(text) == {"cluster": CLUSTER, "task": {"type": "evaluator", "index": 0}}
