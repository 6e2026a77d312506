"""`compile kubeflow_v2`: the effect of settings, the errors, and a deterministic file.

To update golden/kubeflow_v2.yaml after an intended change: `UPDATE_GOLDEN=1 make test ARGS="-k kubeflow_v2"`, then read the
difference.
"""

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline import node_ids
from pipeline.config import pipeline_config
from pipeline.errors import UsageError
from pipeline.orchestrators import kubeflow_v2_compiler

GOLDEN = Path(__file__).parent / "golden" / "kubeflow_v2.yaml"
IMAGE, CLAIM = "kubeflow.image=registry.example/estimator-pipeline:1.0", "kubeflow.volume.claim=pipelines"


@pytest.fixture
def compiled(tmp_path):
    """Returns a function: (assignments, name of the file, text of a TOML file) -> text of the compiled file."""

    def call(*assignments, out="pipeline.yaml", text=""):
        file = tmp_path / "settings.toml"
        file.write_text(text)
        [compiled_text] = kubeflow_v2_compiler.compile(
            pipeline_config.load(file, (IMAGE, *assignments), {}), tmp_path / out
        ).values()
        return compiled_text

    return call


def documents(text):
    return list(yaml.safe_load_all(text))


def test_the_file_equals_the_golden_file(compiled):
    text = re.sub(r"\b[0-9a-f]{16}\b", "(hash of code)", compiled(CLAIM))
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_the_file_fits_the_published_proto(compiled):
    spec, _ = documents(compiled(CLAIM))
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    json_format.ParseDict(spec["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
    job = json.loads(compiled("output_dir=gs://bucket/taxi", out="job.json"))
    json_format.ParseDict(job, pipeline_spec_pb2.PipelineJob())


def test_a_run_may_set_data_span_and_steps(compiled):
    spec, _ = documents(compiled(CLAIM, "data.path=/mnt/pipeline/d/{SPAN}.csv", "data.span=3", "train.steps=77"))
    parameters = {name: p["defaultValue"] for name, p in spec["root"]["inputDefinitions"]["parameters"].items()}
    assert parameters == {"data_path": "/mnt/pipeline/d/{SPAN}.csv", "data_span": "3", "train_steps": "77"}
    for task in spec["root"]["dag"]["tasks"].values():
        run_parameters = [p for p in task.get("inputs", {}).get("parameters", {}).values() if "componentInputParameter" in p]
        assert {p["componentInputParameter"] for p in run_parameters} <= set(parameters), "every parameter has a default"


def test_resources_and_retries_can_be_set_for_a_step(compiled):
    text = '[kubeflow.all]\nretries = 1\n[kubeflow.steps.Trainer]\ncpu = "1500m"\nmemory = "4Gi"\ngpu = 1\nretries = 5\n'
    spec, _ = documents(compiled(CLAIM, text=text))
    executors, tasks = spec["deploymentSpec"]["executors"], spec["root"]["dag"]["tasks"]
    assert executors["Trainer_executor"]["container"]["resources"] == {
        "cpuLimit": 1.5, "memoryLimit": 4.295, "accelerator": {"type": "nvidia.com/gpu", "count": "1"},
    }  # fmt: skip
    assert "resources" not in executors["Transform_executor"]["container"]
    assert tasks[node_ids.TRAINER]["retryPolicy"]["maxRetryCount"] == 5
    assert tasks[node_ids.TRANSFORM]["retryPolicy"]["maxRetryCount"] == 1


def test_kubeflow_does_not_cache_the_reading_of_data(compiled):
    """Its cache compares only the path, and the same path may have new rows. Vertex compares the files too."""
    spec, _ = documents(compiled(CLAIM))
    cache_enabled = {
        n: t["cachingOptions"].get("enableCache") for n, t in spec["root"]["dag"]["tasks"].items() if "cachingOptions" in t
    }
    assert cache_enabled.pop(node_ids.CSV_EXAMPLE_GEN) is None
    assert cache_enabled[node_ids.TRANSFORM] and cache_enabled[node_ids.TRAINER]
    job = json.loads(compiled("output_dir=gs://bucket/taxi", out="job.json"))
    assert job["pipelineSpec"]["root"]["dag"]["tasks"][node_ids.CSV_EXAMPLE_GEN]["cachingOptions"] == {"enableCache": True}


def test_a_file_for_vertex_names_the_type_of_gpu(compiled):
    settings = ("output_dir=gs://bucket/taxi", "kubeflow.all.gpu=1", "kubeflow.all.gpu_type=NVIDIA_TESLA_T4")
    executors = json.loads(compiled(*settings, out="job.json"))["pipelineSpec"]["deploymentSpec"]["executors"]
    assert executors["Trainer_executor"]["container"]["resources"]["accelerator"] == {"type": "NVIDIA_TESLA_T4", "count": "1"}


@pytest.mark.parametrize(("memory", "gigabytes"), [("500M", 0.5), ("4Gi", 4.295), ("1Pi", 1125899.907), ("2000000000", 2.0)])
def test_every_unit_of_memory_is_converted_to_gigabytes(compiled, memory, gigabytes):
    spec, _ = documents(compiled(CLAIM, text=f'[kubeflow.all]\nmemory = "{memory}"\n'))
    container = spec["deploymentSpec"]["executors"]["Trainer_executor"]["container"]
    assert container["resources"]["memoryLimit"] == gigabytes


def test_a_unit_that_kubernetes_does_not_know_is_refused(compiled):
    with pytest.raises(UsageError, match="'500K', not a valid amount of memory"):
        compiled(CLAIM, text='[kubeflow.all]\nmemory = "500K"\n')


def test_volumes_secrets_and_node_selectors_are_in_the_kubernetes_section(compiled):
    text = '[kubeflow]\nsecrets = ["login/TOKEN"]\n'
    text += '[kubeflow.steps.Trainer]\nnode_selector = {disk = "ssd"}\ntolerations = [{key = "gpu", operator = "Exists"}]\n'
    _, platform = documents(compiled(CLAIM, text=text))
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    mount = {"constant": "pipelines", "mountPath": "/mnt/pipeline"}
    secret = {"secretName": "login", "keyToEnv": [{"secretKey": "TOKEN", "envVar": "TOKEN"}]}
    everywhere = {"pvcMount": [mount], "secretAsEnv": [secret]}
    assert executors["Trainer_executor"] == everywhere | {
        "nodeSelector": {"labels": {"disk": "ssd"}}, "tolerations": [{"key": "gpu", "operator": "Exists"}],
    }  # fmt: skip
    assert executors["Pusher_executor"] == everywhere


@pytest.mark.parametrize(
    ("assignments", "out", "reason"),
    [
        ((CLAIM, "metadata.uri=grpc://host:1"), "x.yaml", "keep metadata themselves"),
        ((CLAIM, "kubeflow.all.seconds=60"), "x.yaml", "no time limits"),
        (
            (CLAIM, 'kubeflow.config_maps=["places"]'),
            "x.yaml",
            "kubeflow.config_maps is set, but a PipelineSpec cannot hold it",
        ),
        ((CLAIM, "kubeflow.service_account=trainer"), "x.yaml", "service_account is set.*it is named when a run is started"),
        ((CLAIM, "kubeflow.volume.group=7"), "x.yaml", "kubeflow.volume.group is set"),
        (("output_dir=gs://b/taxi", "kubeflow.steps.Trainer.gpu=1"), "x.json", "Vertex needs to know the kind"),
        ((CLAIM,), "x.json", "Vertex has no volumes"),
        ((), "x.yaml", "pods do not see"),
        ((CLAIM, "train.resume=false"), "x.yaml", "would start from the beginning"),
    ],
)
def test_settings_that_a_pipeline_spec_cannot_hold_are_refused(assignments, out, reason, tmp_path):
    lists = [a for a in assignments if "[" in a]
    text = "[kubeflow]\nconfig_maps = ['places']\n" if lists else ""
    file = tmp_path / "settings.toml"
    file.write_text(text)
    config = pipeline_config.load(file, (IMAGE, *(a for a in assignments if a not in lists)), {})
    with pytest.raises(UsageError, match=reason) as raised:
        kubeflow_v2_compiler.compile(config, tmp_path / out)
    assert "\n" not in str(raised.value)
