"""Compiles the DAG for Kubeflow Pipelines 2 and Vertex AI: a PipelineSpec with one task for each node.

TFX compiles it. The service itself passes artifacts on, finds the latest blessed model, checks
conditions, and answers from its cache. A task runs `python -m pipeline.orchestrators.kubeflow_v2_entrypoint`, which applies the
settings of this run and then calls the code that TFX would have called.

A file whose name ends in .json becomes a PipelineJob, for Vertex. Any other file becomes a PipelineSpec for Kubeflow, with a
second document for the settings of Kubernetes (kubeflow_v2_platform.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

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
from pipeline.dag import create_pipeline
from pipeline.node_settings import RUN_ID
from pipeline.orchestrators import compilation, compiled_pipeline, kubeflow_v2_platform
from pipeline.orchestrators.compiled_pipeline import CompiledPipeline
from pipeline.orchestrators.kubeflow_v2_entrypoint import OPTIONS
from pipeline.orchestrators.run_parameters import RUN_PARAMETERS

_COMMAND = ("python", "-m", "pipeline.orchestrators.kubeflow_v2_entrypoint")
_JOB_NAME = "{{$.pipeline_job_name}}"
# Setting that a PipelineSpec cannot hold -> what to do instead.
_NOT_IN_SPEC = {
    "config_maps": "metadata is kept by the service, and single values come from secrets",
    "service_account": "it is named when a run is started",
}


def compile(config: PipelineConfig, out: Path) -> Mapping[Path, str]:
    """Returns path -> text of the PipelineJob or PipelineSpec.

    Raises:
        UsageError: the service does not support a setting.
    """
    vertex = out.suffix == ".json"
    compilation.refuse(_problems(config, vertex))
    config = compilation.with_cluster_defaults(config)
    compilation.refuse(compilation.cluster_problems(config))
    job = _job(config)
    spec = job["pipelineSpec"]
    _patch(spec, config, vertex=vertex)
    if vertex:
        return {out: json.dumps(job, indent=2, sort_keys=True) + "\n"}
    return {
        out: yaml.safe_dump_all(
            [spec, *kubeflow_v2_platform.documents(spec, config.settings.kubeflow)], sort_keys=True, width=128
        )
    }


def _problems(config: PipelineConfig, vertex: bool) -> Iterator[str]:
    """Yields each setting that a PipelineSpec would silently lose."""
    kubeflow = config.settings.kubeflow
    if config.settings.metadata.uri:
        yield "metadata.uri is set, but Kubeflow 2 and Vertex keep metadata themselves. Leave it out."
    steps = {"all": kubeflow.all, **{f"steps.{name}": step for name, step in kubeflow.steps.items()}}
    for name, step in steps.items():
        if step.seconds:
            yield f"kubeflow.{name}.seconds: a PipelineSpec has no time limits. Leave it out."
    for key, instead in _NOT_IN_SPEC.items():
        if getattr(kubeflow, key) != getattr(Kubeflow(), key):
            yield f"kubeflow.{key} is set, but a PipelineSpec cannot hold it: {instead}. Leave it out."
    if kubeflow.volume.group != Volume().group:
        yield "kubeflow.volume.group is set, but a PipelineSpec cannot hold it: set the volume's own rights."
    if vertex:
        yield from _problems_on_vertex(kubeflow, steps)


def _problems_on_vertex(kubeflow: Kubeflow, steps: Mapping[str, Step]) -> Iterator[str]:
    for name, step in steps.items():
        if step.gpu and not step.gpu_type:
            yield f"kubeflow.{name}.gpu: Vertex needs to know the kind. Set gpu_type, such as NVIDIA_TESLA_T4."
        if step.node_selector or step.tolerations:
            yield f"kubeflow.{name}: Vertex chooses machines itself. Leave node_selector and tolerations out."
    if kubeflow.secrets:
        yield "kubeflow.secrets: Vertex has no Secrets. Give the rights to the service account of the runs instead."
    if kubeflow.volume.claim:
        yield "kubeflow.volume: Vertex has no volumes. Put output_dir into object storage (gs://...)."


def _job(config: PipelineConfig) -> dict[str, Any]:
    """Returns the PipelineJob that TFX compiles."""
    pipeline = create_pipeline(config, latest_tuned=_latest_tuned)
    name = re.sub(r"[^a-z0-9]+", "-", config.pipeline_name.lower()).strip("-")
    pipeline.pipeline_info.pipeline_name = name
    runner = kubeflow_v2_dag_runner.KubeflowV2DagRunner(
        kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
            display_name=name,
            default_image=config.settings.kubeflow.image,
            default_commands=list(_COMMAND),
            use_pipeline_spec_2_1=True,
        )
    )
    return runner.run(pipeline, write_out=False)


def _latest_tuned(config: PipelineConfig) -> Resolver:
    """Returns a node that finds the newest hyper-parameters of any model; the Trainer ignores those of another model."""
    return Resolver(
        strategy_class=LatestArtifactStrategy, best_hyperparameters=Channel(type=standard_artifacts.HyperParameters)
    ).with_id(node_ids.LATEST_TUNED)


def _patch(spec: dict[str, Any], config: PipelineConfig, *, vertex: bool) -> None:
    """Adds to TFX's PipelineSpec the parameters of a run, our options, and the resources and retries of each task."""
    parameters = {
        parameter.name: {"parameterType": "STRING", "defaultValue": parameter.default(config)} for parameter in RUN_PARAMETERS
    }
    spec["root"]["inputDefinitions"] = {"parameters": parameters}
    compiled = compiled_pipeline.compile_for_steps(config, compilation.secrets(config.settings.kubeflow))
    for node, task in spec["root"]["dag"]["tasks"].items():
        component = spec["components"][task["componentRef"]["name"]]
        container = spec["deploymentSpec"]["executors"][component["executorLabel"]].get("container")
        if container is not None:  # else a resolver, which the service runs
            _patch_task(_Task(node, task, component, container), config, compiled, vertex=vertex)


class _Task(NamedTuple):
    """One task of a PipelineSpec: three JSON objects, which are changed in place."""

    node: str
    task: dict[str, Any]
    component: dict[str, Any]
    container: dict[str, Any]


def _patch_task(task: _Task, config: PipelineConfig, compiled: CompiledPipeline, *, vertex: bool) -> None:
    kubeflow = config.settings.kubeflow
    settings = compilation.step_settings(kubeflow, task.node)
    _pass_parameters(task, own_data=bool(config.settings.data.path))
    if "preCacheCheck" in task.container.get("lifecycle", {}) and not vertex:
        # Only Vertex runs this hook, which reads the files. Kubeflow would compare the path, and answer with the old rows.
        task.task["cachingOptions"] = {}
    _add_options(task, compiled)
    if resources := _resources(settings):
        task.container["resources"] = resources
    if settings.retries:
        task.task["retryPolicy"] = {
            "maxRetryCount": settings.retries,
            "backoffDuration": f"{kubeflow.backoff_seconds}s",
            "backoffFactor": 2.0,
        }


def _pass_parameters(task: _Task, *, own_data: bool) -> None:
    """Passes the parameters of the run to a task."""
    inputs = task.task.setdefault("inputs", {}).setdefault("parameters", {})
    declared = task.component.setdefault("inputDefinitions", {}).setdefault("parameters", {})
    for name, value in inputs.items():
        if value.get("componentInputParameter") == RUN_ID.name:
            inputs[name] = {"runtimeValue": {"constant": _JOB_NAME}}
    if "input_base" in inputs and not own_data:  # the sample has another path in the image, and the step knows it
        inputs["input_base"] = {"runtimeValue": {"constant": ""}}
    for parameter in RUN_PARAMETERS:
        inputs[parameter.name] = {"componentInputParameter": parameter.name}
        declared[parameter.name] = {"parameterType": "STRING"}


def _add_options(task: _Task, compiled: CompiledPipeline) -> None:
    """Puts our options before TFX's, in the command of the executor and in the command of ExampleGen's driver."""
    options = [OPTIONS.pipeline, compiled.to_json(), OPTIONS.node, task.node, OPTIONS.run_id, _JOB_NAME]
    for parameter in RUN_PARAMETERS:
        options += [OPTIONS.set, f"{parameter.setting}={{{{$.inputs.parameters['{parameter.name}']}}}}"]
    task.container["args"] = [*options, *task.container["args"]]
    hook = task.container.get("lifecycle", {}).get("preCacheCheck")
    if hook:
        hook["command"], hook["args"] = list(_COMMAND), [*options, OPTIONS.driver, *hook["args"]]


def _resources(settings: Step) -> dict[str, Any]:
    """Returns a ResourceSpec: processors, memory in 10^9 bytes, GPUs."""
    resources: dict[str, Any] = {}
    if settings.cpu:
        resources["cpuLimit"] = float(settings.cpu.removesuffix("m")) / (1000 if settings.cpu.endswith("m") else 1)
    if settings.memory:
        unit = settings.memory.lstrip("0123456789")
        memory_bytes = int(settings.memory.removesuffix(unit)) * kubernetes_names.UNITS[unit]
        resources["memoryLimit"] = round(memory_bytes / 1e9, 3)
    if settings.gpu:
        resources["accelerator"] = {"type": settings.gpu_type or compilation.GPU, "count": str(settings.gpu)}
    return resources
