"""Compiles the DAG for Kubeflow Pipelines 1: an Argo Workflow with one pod for each node.

A step runs `python -m pipeline step`. (TFX's KubeflowDagRunner starts TFX's own entry point, which
`pipeline/orchestrators/step.py` replaces, and can make a parameter only of a value that is the whole property of a node.)
"""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import yaml
from kfp import compiler, dsl
from kubernetes import client as k8s

from pipeline.config.pipeline_config import PipelineConfig
from pipeline.config.tables import Kubeflow, Step
from pipeline.errors import USAGE
from pipeline.orchestrators import compilation, compiled_pipeline
from pipeline.orchestrators.compiled_pipeline import CompiledPipeline
from pipeline.orchestrators.run_parameters import RUN_PARAMETERS, RunParameter

# The MLMD server of a cluster with Kubeflow Pipelines; the variables come from its ConfigMap.
METADATA_URI = "grpc://$METADATA_GRPC_SERVICE_HOST:$METADATA_GRPC_SERVICE_PORT"

# Name of the volume in all templates.
_VOLUME = "pipeline"

# Name of the step that runs after all others.
_END = "end"

# Kubernetes' default time between SIGTERM and SIGKILL.
_POD_GRACE_SECONDS = 30


def compile(config: PipelineConfig, out: Path) -> Mapping[Path, str]:
    """Returns path -> text of the workflow.

    Raises:
        UsageError: Kubernetes does not support a setting.
    """
    config = compilation.with_cluster_defaults(config, METADATA_URI)
    compilation.refuse(_problems(config))
    with tempfile.TemporaryDirectory() as folder:
        workflow_file = Path(folder, "workflow.yaml")
        compiler.Compiler().compile(_pipeline_function(config), str(workflow_file))
        workflow = yaml.safe_load(workflow_file.read_text("utf-8"))
    _patch(workflow, config)
    return {out: yaml.safe_dump(workflow, sort_keys=True, width=128)}


def _problems(config: PipelineConfig) -> Iterator[str]:
    yield from compilation.cluster_problems(config)
    if config.metadata_uri.startswith("sqlite:"):
        yield (
            "metadata.uri is a SQLite file, which pods on several machines cannot share. Use grpc://, mysql:// or postgresql://."
        )


class _StepMaker(NamedTuple):
    """Makes the steps of a workflow.

    Attributes:
        compiled: the compiled pipeline.
        values: setting -> KFP's placeholder of the parameter of the run.
        kubeflow: how steps run.
    """

    compiled: CompiledPipeline
    values: Mapping[str, dsl.PipelineParam]
    kubeflow: Kubeflow

    def node(self, node: str) -> dsl.ContainerOp:
        """Returns the step that runs a node."""
        step = self._pod(node, ["step", "--node", node])
        step.set_display_name(node)  # Kubernetes' own name is in lower case
        _limit(step, compilation.step_settings(self.kubeflow, node), self.kubeflow.backoff_seconds)
        return step

    def end(self) -> dsl.ContainerOp:
        """Returns the step that completes run.json, even after pods were killed. A refusal does not fail the workflow."""
        step = self._pod(_END, ["end", "--refused-exit-code", "0"])
        # Its exit code is the exit code of the run: another try would not change it.
        _limit(step, msgspec.structs.replace(self.kubeflow.all, retries=0), self.kubeflow.backoff_seconds)
        return step

    def _pod(self, name: str, command: Sequence[str]) -> dsl.ContainerOp:
        arguments = [*command, "--pipeline", self.compiled.to_json(), "--run-id", "{{workflow.name}}"]
        for key, value in self.values.items():
            arguments += ["--set", f"{key}={value}"]
        pod = dsl.ContainerOp(name=name, image=self.kubeflow.image, command=["python", "-m", "pipeline"], arguments=arguments)
        # Kubeflow's cache is off: it compares paths, but the same path may hold new data. MLMD's cache compares the data.
        pod.execution_options.caching_strategy.max_cache_staleness = "P0D"
        _mount_volume(pod, self.kubeflow)
        _set_environment(pod, self.compiled.secrets, self.kubeflow.config_maps)
        return pod


def _pipeline_function(config: PipelineConfig) -> Callable[..., None]:
    """Returns the pipeline as KFP wants it: a function whose arguments are the parameters of a run."""
    kubeflow = config.settings.kubeflow
    compiled = compiled_pipeline.compile_for_steps(config, compilation.secrets(kubeflow))

    def pipeline(*values: dsl.PipelineParam) -> None:
        settings = (parameter.setting for parameter in RUN_PARAMETERS)
        make = _StepMaker(compiled, dict(zip(settings, values, strict=True)), kubeflow)
        steps: dict[str, dsl.ContainerOp] = {}
        for node, upstream in compiled.upstream.items():
            steps[node] = make.node(node)
            steps[node].after(*(steps[n] for n in upstream))
        make.end()

    arguments = [_argument(parameter, config) for parameter in RUN_PARAMETERS]
    cast(Any, pipeline).__signature__ = inspect.Signature(arguments, return_annotation="None")
    return dsl.pipeline(name=compiled.name, description=f"{config.dataset_name}, {config.model_name}")(pipeline)


def _argument(parameter: RunParameter, config: PipelineConfig) -> inspect.Parameter:
    return inspect.Parameter(
        parameter.name, inspect.Parameter.POSITIONAL_OR_KEYWORD, default=parameter.default(config), annotation="str"
    )


def _mount_volume(pod: dsl.ContainerOp, kubeflow: Kubeflow) -> None:
    if kubeflow.volume.claim:
        claim = k8s.V1PersistentVolumeClaimVolumeSource(claim_name=kubeflow.volume.claim)
        pod.add_volume(k8s.V1Volume(name=_VOLUME, persistent_volume_claim=claim))
        pod.container.add_volume_mount(k8s.V1VolumeMount(name=_VOLUME, mount_path=kubeflow.volume.path))


def _set_environment(pod: dsl.ContainerOp, secrets: Mapping[str, str], config_maps: Sequence[str]) -> None:
    """Sets environment variables. All are optional: a pod would wait for a missing Secret; the step names it and ends."""
    for variable, name in secrets.items():
        reference = k8s.V1SecretKeySelector(name=name, key=variable, optional=True)
        pod.container.add_env_variable(k8s.V1EnvVar(name=variable, value_from=k8s.V1EnvVarSource(secret_key_ref=reference)))
    for name in config_maps:
        source = k8s.V1ConfigMapEnvSource(name=name, optional=True)
        pod.container.add_env_from(k8s.V1EnvFromSource(config_map_ref=source))


def _limit(pod: dsl.ContainerOp, settings: Step, backoff_seconds: int) -> None:
    """Sets the resources of a step, the machines it may run on, its time limit and its retries."""
    if settings.cpu:
        pod.container.set_cpu_request(settings.cpu).set_cpu_limit(settings.cpu)
    if settings.memory:
        pod.container.set_memory_request(settings.memory).set_memory_limit(settings.memory)
    if settings.gpu:
        pod.container.add_resource_limit(settings.gpu_type or compilation.GPU, str(settings.gpu))
    if settings.seconds:
        pod.set_timeout(settings.seconds)
    if settings.retries:
        # "Always": even after the pod was evicted, or its machine went down.
        pod.set_retry(settings.retries, policy="Always", backoff_duration=f"{backoff_seconds}s", backoff_factor=2)
    for label, value in (settings.node_selector or {}).items():
        pod.add_node_selector_constraint(label, value)
    for toleration in settings.tolerations or []:
        pod.add_toleration(k8s.V1Toleration(**toleration))


def _patch(workflow: dict[str, Any], config: PipelineConfig) -> None:
    """Adds what KFP's compiler cannot express, and removes the time of compilation, which differs each time."""
    spec, kubeflow = workflow["spec"], config.settings.kubeflow
    [dag] = (template["dag"] for template in spec["templates"] if "dag" in template)
    dag["tasks"] = [task for task in dag["tasks"] if task["name"] != _END]
    spec["onExit"] = _END  # KFP's own ExitHandler would put all steps into a DAG inside the DAG
    workflow["metadata"]["annotations"].pop("pipelines.kubeflow.org/pipeline_compilation_time")
    spec["serviceAccountName"] = kubeflow.service_account
    if kubeflow.volume.claim:  # a new volume belongs to root, and the image runs as another user
        spec["securityContext"] = {"fsGroup": kubeflow.volume.group}
    grace_seconds = compilation.seconds_to_end(config)
    for template in spec["templates"]:
        if "retryStrategy" in template:  # another try does not repair wrong settings or wrong data
            template["retryStrategy"]["expression"] = f"lastRetry.exitCode != '{USAGE}'"
        if "container" in template and grace_seconds > _POD_GRACE_SECONDS:
            pod_patch = {"terminationGracePeriodSeconds": grace_seconds}
            template["podSpecPatch"] = msgspec.json.encode(pod_patch).decode()
