"""Compiles the DAG for Kubeflow Pipelines 2 and Vertex AI: a PipelineSpec, a task a node.

TFX compiles it, with what those services do themselves: pass artifacts on, find the latest blessed model, look at conditions,
answer from their cache. Its tasks run `python -m pipeline.orchestrators.kubeflow_v2_entrypoint`, which sets the values of this
run and then calls the code that TFX would have called.

A file called .json is a PipelineJob, which Vertex takes; any other one a PipelineSpec for Kubeflow, with a second document
about what only Kubernetes knows: volumes, node selectors, tolerations.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_artifact_strategy import LatestArtifactStrategy
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
from tfx.types import Channel, standard_artifacts

from pipeline import node_ids
from pipeline.config import kubernetes_names
from pipeline.config.kubeflow import Volume
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.config.tables import Kubeflow, Step
from pipeline.dag import RUN_ID, create_pipeline
from pipeline.errors import UsageError
from pipeline.orchestrators import compilation, compiled_pipeline
from pipeline.orchestrators.kubeflow_v2_entrypoint import OPTIONS, PARAMETERS

_COMMAND = ["python", "-m", "pipeline.orchestrators.kubeflow_v2_entrypoint"]
_EXECUTOR = "_executor"  # label of a node's executor, behind its id
# Settings that have no place in a PipelineSpec.
_ELSEWHERE = {
    "config_maps": "metadata is kept by the service, and single values come from secrets",
    "service_account": "whoever starts a run names it",
}
_JOB_NAME = "{{$.pipeline_job_name}}"


def compile(given: PipelineConfig, out: Path) -> Mapping[Path, str]:
    """Returns the file.

    Raises:
        UsageError: it cannot be done like that there.
    """
    vertex = out.suffix == ".json"
    _refuse(given, vertex)
    finished = compilation.for_cluster(given, None)
    job = _job(finished)
    _finish(job["pipelineSpec"], finished, vertex=vertex)
    if vertex:
        return {out: json.dumps(job, indent=2, sort_keys=True) + "\n"}
    documents = [job["pipelineSpec"], *_platform(finished, job["pipelineSpec"])]
    return {out: yaml.safe_dump_all(documents, sort_keys=True, width=128)}


def _refuse(given: PipelineConfig, vertex: bool) -> None:
    """Says what is configured and would be left out silently."""
    kubeflow = given.settings.kubeflow
    if given.settings.metadata.uri:
        raise UsageError("metadata.uri is set, but Kubeflow 2 and Vertex keep metadata themselves. Leave it out.")
    steps = {"all": kubeflow.all, **{f"steps.{name}": step for name, step in kubeflow.steps.items()}}
    for name, step in steps.items():
        if step.seconds:
            raise UsageError(f"kubeflow.{name}.seconds: a PipelineSpec has no time limits. Leave it out.")
        if vertex and step.gpu and not step.gpu_type:
            raise UsageError(f"kubeflow.{name}.gpu: Vertex wants to know which kind. Set gpu_type, such as NVIDIA_TESLA_T4.")
        if vertex and (step.node_selector or step.tolerations):
            raise UsageError(f"kubeflow.{name}: Vertex chooses machines itself. Leave node_selector and tolerations out.")
    if vertex and kubeflow.secrets:
        raise UsageError("kubeflow.secrets: Vertex knows no Secrets. Give the service account of the runs the rights instead.")
    for key, why in _ELSEWHERE.items():
        if getattr(kubeflow, key) != getattr(Kubeflow(), key):
            raise UsageError(f"kubeflow.{key} is set, but a PipelineSpec cannot hold it: {why}. Leave it out.")
    if kubeflow.volume.group != Volume().group:
        raise UsageError("kubeflow.volume.group is set, but a PipelineSpec cannot hold it: set the volume's own rights.")
    if vertex and kubeflow.volume.claim:
        raise UsageError("kubeflow.volume: Vertex has no volumes. Put output_dir into object storage (gs://...).")


def _job(finished: PipelineConfig) -> dict[str, Any]:
    pipeline = create_pipeline(finished, latest_tuned=_latest_tuned)
    name = re.sub(r"[^a-z0-9]+", "-", finished.pipeline_name.lower()).strip("-")
    pipeline.pipeline_info.pipeline_name = name
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(
        kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
            display_name=name,
            default_image=finished.settings.kubeflow.image,
            default_commands=_COMMAND,
            use_pipeline_spec_2_1=True,
        )
    )
    return runner.run(pipeline, write_out=False)


def _latest_tuned(finished: PipelineConfig) -> Resolver:
    """Resolves to the newest hyper-parameters, of whatever model: the Trainer does not use those of another one."""
    return Resolver(
        strategy_class=LatestArtifactStrategy, best_hyperparameters=Channel(type=standard_artifacts.HyperParameters)
    ).with_id(node_ids.LATEST_TUNED)


def _finish(spec: dict[str, Any], finished: PipelineConfig, *, vertex: bool) -> None:
    """Adds to what TFX has compiled: how our step is called, the parameters of a run, and what steps may take."""
    kubeflow = finished.settings.kubeflow
    made = compiled_pipeline.compile_for_steps(finished, compilation.secrets(kubeflow))
    executors = spec["deploymentSpec"]["executors"]
    parameters = {
        PARAMETERS[key]: {"parameterType": "STRING", "defaultValue": value}
        for key, value in compilation.parameters(finished).items()
    }
    spec["root"]["inputDefinitions"] = {"parameters": parameters}
    for node, task in spec["root"]["dag"]["tasks"].items():
        component = spec["components"][task["componentRef"]["name"]]
        container = executors[component["executorLabel"]].get("container")
        if container is None:  # a resolver, which the service runs
            continue
        inputs = task.setdefault("inputs", {}).setdefault("parameters", {})
        declared = component.setdefault("inputDefinitions", {}).setdefault("parameters", {})
        for name, value in inputs.items():
            if value.get("componentInputParameter") == RUN_ID.name:
                inputs[name] = {"runtimeValue": {"constant": _JOB_NAME}}
        if "input_base" in inputs and not finished.settings.data.path:  # the sample lies elsewhere in the image: the step knows
            inputs["input_base"] = {"runtimeValue": {"constant": ""}}
        for name, declaration in parameters.items():
            inputs[name] = {"componentInputParameter": name}
            declared[name] = {"parameterType": declaration["parameterType"]}
        if "preCacheCheck" in container.get("lifecycle", {}) and not vertex:
            # Only Vertex runs this hook, which looks at the files; Kubeflow would go by the path and answer with the old rows.
            task["cachingOptions"] = {}
        _call_ours(container, made, node)
        wanted = compilation.step_settings(kubeflow, node)
        resources = _resources(wanted)
        if resources:
            container["resources"] = resources
        if wanted.retries:
            task["retryPolicy"] = {
                "maxRetryCount": wanted.retries,
                "backoffDuration": f"{kubeflow.backoff_seconds}s",
                "backoffFactor": 2.0,
            }


def _call_ours(container: dict[str, Any], made: compiled_pipeline.CompiledPipeline, node: str) -> None:
    """Puts our options before TFX's, in the executor's command and in that of ExampleGen's driver."""
    ours = [OPTIONS.pipeline, made.to_json(), OPTIONS.node, node, OPTIONS.run_id, _JOB_NAME]
    for key, name in PARAMETERS.items():
        ours += [OPTIONS.set, f"{key}={{{{$.inputs.parameters['{name}']}}}}"]
    container["args"] = [*ours, *container["args"]]
    hook = container.get("lifecycle", {}).get("preCacheCheck")
    if hook:
        hook["command"], hook["args"] = list(_COMMAND), [*ours, OPTIONS.driver, *hook["args"]]


def _resources(wanted: Step) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if wanted.cpu:
        found["cpuLimit"] = float(wanted.cpu.removesuffix("m")) / (1000 if wanted.cpu.endswith("m") else 1)
    if wanted.memory:
        unit = wanted.memory.lstrip("0123456789")
        found["memoryLimit"] = round(
            int(wanted.memory.removesuffix(unit)) * kubernetes_names.UNITS[unit] / 1e9, 3
        )  # 10^9 bytes
    if wanted.gpu:
        found["accelerator"] = {"type": wanted.gpu_type or compilation.GPU, "count": str(wanted.gpu)}
    return found


def _platform(finished: PipelineConfig, spec: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the second document, or none. Its form: KubernetesExecutorConfig of Kubeflow's kubernetes_platform."""
    kubeflow = finished.settings.kubeflow
    executors = {}
    for label, executor in spec["deploymentSpec"]["executors"].items():
        if "container" not in executor:
            continue
        found = _on_kubernetes(kubeflow, compilation.step_settings(kubeflow, label.removesuffix(_EXECUTOR)))
        if found:
            executors[label] = found
    return [{"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}] if executors else []


def _on_kubernetes(kubeflow: Kubeflow, wanted: Step) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if kubeflow.volume.claim:
        found["pvcMount"] = [{"constant": kubeflow.volume.claim, "mountPath": kubeflow.volume.path}]
    if kubeflow.secrets:
        found["secretAsEnv"] = [
            {"secretName": name, "keyToEnv": [{"secretKey": key, "envVar": key}]}
            for name, key in map(kubernetes_names.secret, kubeflow.secrets)
        ]
    if wanted.node_selector:
        found["nodeSelector"] = {"labels": dict(wanted.node_selector)}
    if wanted.tolerations:
        found["tolerations"] = [dict(toleration) for toleration in wanted.tolerations]
    return found
