"""Checks of the names and quantities in a [kubeflow] table: each problem has a message, a valid table has none."""

import msgspec
import pytest

from pipeline import node_ids
from pipeline.config import kubernetes_names
from pipeline.config.tables import Kubeflow

GOOD = {
    "image": "registry.example:5000/team/pipeline:1.0",
    "secrets": ["login/TOKEN"],
    "volume": {"claim": "pipelines", "path": "/data"},
    "all": {"cpu": "500m", "memory": "4Gi"},
    "steps": {
        node_ids.TRAINER: {"gpu_type": "nvidia.com/gpu", "node_selector": {"disk": "ssd"}, "tolerations": [{"key": "gpu"}]}
    },
}


def problems(**tables):
    return list(kubernetes_names.problems(msgspec.convert(GOOD | tables, Kubeflow)))


def test_a_valid_table_has_no_problem():
    assert problems() == []


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        ({"image": "Registry/Pipeline"}, "kubeflow.image is 'Registry/Pipeline', not a valid name of an image"),
        ({"volume": {"path": "data"}}, "kubeflow.volume.path is 'data', not a valid path to mount a volume at"),
        ({"volume": {"claim": "My_Claim"}}, "kubeflow.volume.claim is 'My_Claim', not a valid name in Kubernetes"),
        ({"config_maps": ["a b"]}, "kubeflow.config_maps is 'a b', not a valid name in Kubernetes"),
        ({"secrets": ["login"]}, "kubeflow.secrets is 'login': write NAME/KEY for each key"),
        ({"secrets": ["login/a-token"]}, "kubeflow.secrets is 'a-token', not a valid name of an environment variable"),
        ({"all": {"cpu": "many"}}, "kubeflow.all.cpu is 'many', not a valid number of processors"),
        (
            {"steps": {node_ids.TUNER: {"memory": "500K"}}},
            "kubeflow.steps.Tuner.memory is '500K', not a valid amount of memory",
        ),
        ({"all": {"node_selector": {"disk": "a b"}}}, "kubeflow.all.node_selector.disk is 'a b', not a valid value"),
        ({"all": {"tolerations": [{"kye": "a", "operator": "Exists"}]}}, "kubeflow.all.tolerations: a toleration has no 'kye'"),
        ({"all": {"tolerations": [{"value": "a"}]}}, "kubeflow.all.tolerations: a toleration must have a key and a value"),
    ],
)
def test_each_problem_names_the_setting_and_the_expected_form(tables, problem):
    [text] = problems(**tables)
    assert text.startswith(problem)


def test_units_of_memory_are_in_bytes():
    assert [kubernetes_names.UNITS[unit] for unit in ("", "k", "M", "Ki", "Gi")] == [1, 1e3, 1e6, 1024, 1024**3]
