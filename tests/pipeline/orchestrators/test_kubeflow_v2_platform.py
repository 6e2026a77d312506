"""The second document of Kubeflow 2: one row for every setting of Kubernetes."""

import msgspec
import pytest

from pipeline import node_ids
from pipeline.config.tables import Kubeflow
from pipeline.orchestrators import kubeflow_v2_platform

TRAINER, PUSHER = f"{node_ids.TRAINER}_executor", f"{node_ids.PUSHER}_executor"
SPEC = {"deploymentSpec": {"executors": {TRAINER: {"container": {}}, PUSHER: {"container": {}}, "importer": {"importer": {}}}}}


def executors(**settings):
    """The executors in the document for the settings of [kubeflow]."""
    kubeflow = msgspec.convert(settings, Kubeflow)
    documents = kubeflow_v2_platform.documents(SPEC, kubeflow)
    if not documents:
        return None
    [document] = documents
    return document["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def test_without_such_settings_there_is_no_document():
    assert executors() is None


def test_all_tasks_that_run_a_container_mount_the_volume():
    mount = {"pvcMount": [{"constant": "shared", "mountPath": "/mnt/pipeline"}]}
    assert executors(volume={"claim": "shared"}) == {TRAINER: mount, PUSHER: mount}


@pytest.mark.parametrize("key", ["METADATA_USER", "METADATA_PASSWORD"])
def test_a_secret_is_an_environment_variable_of_the_same_name(key):
    secret = [{"secretName": "login", "keyToEnv": [{"secretKey": key, "envVar": key}]}]
    assert executors(secrets=[f"login/{key}"]) == {TRAINER: {"secretAsEnv": secret}, PUSHER: {"secretAsEnv": secret}}


def test_one_task_may_need_another_machine():
    toleration = {"key": "gpu", "operator": "Exists"}
    settings = {node_ids.TRAINER: {"node_selector": {"zone": "a"}, "tolerations": [toleration]}}
    assert executors(steps=settings) == {TRAINER: {"nodeSelector": {"labels": {"zone": "a"}}, "tolerations": [toleration]}}
