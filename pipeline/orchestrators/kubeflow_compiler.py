"""Compiles the DAG for Kubeflow Pipelines 1: an Argo Workflow, a pod a node.

Its steps run `python -m pipeline step`. (With TFX's KubeflowDagRunner each step runs TFX's own entry point, which
`pipeline/orchestrators/step.py` replaces; and only a value that is a whole property of a node can be a parameter.)
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml
from kfp import compiler, dsl
from kubernetes import client as k8s

from pipeline.config.pipeline_config import PipelineConfig
from pipeline.config.tables import Kubeflow, Step
from pipeline.errors import USAGE
from pipeline.orchestrators import compilation, compiled_pipeline

# Where a cluster with Kubeflow Pipelines says that its MLMD server is.
METADATA_URI = "grpc://$METADATA_GRPC_SERVICE_HOST:$METADATA_GRPC_SERVICE_PORT"

# Of all templates: what is mounted has the same name everywhere.
_VOLUME = "pipeline"

# Name of what runs when all steps are over.
_END = "end"

# A pod has 30 s by default between SIGTERM and SIGKILL. Ending takes a little longer than saving.
_POD_GRACE_SECONDS, _MARGIN_SECONDS = 30, 5


def compile(given: PipelineConfig, out: Path) -> Mapping[Path, str]:
    """Returns the file with the workflow.

    Raises:
        UsageError: it cannot be done like that on Kubernetes.
    """
    finished = compilation.for_cluster(given, METADATA_URI)
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder, "workflow.yaml")
        compiler.Compiler().compile(_function(finished), str(written))
        workflow = yaml.safe_load(written.read_text("utf-8"))
    _finish(workflow, finished)
    return {out: yaml.safe_dump(workflow, sort_keys=True, width=128)}


def _function(finished: PipelineConfig) -> Any:
    """Returns the pipeline as KFP wants it, a function whose arguments are the parameters of a run."""
    made = compiled_pipeline.compile_for_steps(finished, compilation.secrets(finished.settings.kubeflow))
    parameters = compilation.parameters(finished)

    def pipeline(data_path: str = parameters["data.path"], data_span: str = parameters["data.span"],
                 train_steps: str = parameters["train.steps"]) -> None:  # fmt: skip
        values = {"data.path": data_path, "data.span": data_span, "train.steps": train_steps}
        steps: dict[str, dsl.ContainerOp] = {}
        for node, needs in made.needs.items():
            steps[node] = _step(made, node, values, finished.settings.kubeflow)
            steps[node].after(*(steps[n] for n in needs))
        _ending(made, values, finished.settings.kubeflow)

    return dsl.pipeline(name=made.name, description=f"{finished.dataset_name}, {finished.model_name}")(pipeline)


def _step(
    made: compiled_pipeline.CompiledPipeline, node: str, values: Mapping[str, Any], settings: Kubeflow
) -> dsl.ContainerOp:
    """Runs a node."""
    step = _operation(node, ["step", "--node", node], made, values, settings)
    step.set_display_name(node)  # Kubernetes' own name is in lower case
    _limit(step, compilation.step_settings(settings, node), settings.backoff_seconds)
    return step


def _ending(made: compiled_pipeline.CompiledPipeline, values: Mapping[str, Any], settings: Kubeflow) -> None:
    """Completes the record, also of a run whose pods were killed. A refusal is no failure of the workflow."""
    ending = _operation(_END, ["end", "--refused-exit-code", "0"], made, values, settings)
    # Its exit code is that of the run: to try again would not change it.
    _limit(ending, msgspec.structs.replace(settings.all, retries=0), settings.backoff_seconds)


def _operation(
    title: str, command: Sequence[str], made: compiled_pipeline.CompiledPipeline, values: Mapping[str, Any], settings: Kubeflow
) -> dsl.ContainerOp:
    """Returns a pod that runs a command of ours."""
    arguments = [*command, "--pipeline", made.to_json(), "--run-id", "{{workflow.name}}"]
    for key, value in values.items():
        arguments += ["--set", f"{key}={value}"]
    operation = dsl.ContainerOp(name=title, image=settings.image, command=["python", "-m", "pipeline"], arguments=arguments)
    # MLMD knows better than Kubeflow's cache whether something has changed: a path looks the same when the data is new.
    operation.execution_options.caching_strategy.max_cache_staleness = "P0D"
    if settings.volume.claim:
        claim = k8s.V1PersistentVolumeClaimVolumeSource(claim_name=settings.volume.claim)
        operation.add_volume(k8s.V1Volume(name=_VOLUME, persistent_volume_claim=claim))
        operation.container.add_volume_mount(k8s.V1VolumeMount(name=_VOLUME, mount_path=settings.volume.path))
    for variable, name in made.secrets.items():  # a pod would wait for one that is missing; the step says so and ends
        reference = k8s.V1SecretKeySelector(name=name, key=variable, optional=True)
        operation.container.add_env_variable(
            k8s.V1EnvVar(name=variable, value_from=k8s.V1EnvVarSource(secret_key_ref=reference))
        )
    for config_map in settings.config_maps:
        source = k8s.V1ConfigMapEnvSource(name=config_map, optional=True)
        operation.container.add_env_from(k8s.V1EnvFromSource(config_map_ref=source))
    return operation


def _limit(step: dsl.ContainerOp, wanted: Step, backoff_seconds: int) -> None:
    """Says what a step may take, where it runs, and what becomes of it when it fails."""
    if wanted.cpu:
        step.container.set_cpu_request(wanted.cpu).set_cpu_limit(wanted.cpu)
    if wanted.memory:
        step.container.set_memory_request(wanted.memory).set_memory_limit(wanted.memory)
    if wanted.gpu:
        step.container.add_resource_limit(wanted.gpu_type or compilation.GPU, str(wanted.gpu))
    if wanted.seconds:
        step.set_timeout(wanted.seconds)
    if wanted.retries:
        # "Always": also if the pod was evicted, or its machine went down.
        step.set_retry(wanted.retries, policy="Always", backoff_duration=f"{backoff_seconds}s", backoff_factor=2)
    for label, value in (wanted.node_selector or {}).items():
        step.add_node_selector_constraint(label, value)
    for toleration in wanted.tolerations or []:
        step.add_toleration(k8s.V1Toleration(**toleration))


def _finish(workflow: dict[str, Any], finished: PipelineConfig) -> None:
    """Adds what KFP's compiler cannot say, and takes out what is another one at every compilation."""
    [dag] = (template["dag"] for template in workflow["spec"]["templates"] if "dag" in template)
    dag["tasks"] = [task for task in dag["tasks"] if task["name"] != _END]
    workflow["spec"]["onExit"] = _END  # KFP's own ExitHandler would put all steps into a DAG inside the DAG
    workflow["metadata"]["annotations"].pop("pipelines.kubeflow.org/pipeline_compilation_time")
    workflow["spec"]["serviceAccountName"] = finished.settings.kubeflow.service_account
    if finished.settings.kubeflow.volume.claim:  # a new volume belongs to root, and the image's user is another one
        workflow["spec"]["securityContext"] = {"fsGroup": finished.settings.kubeflow.volume.group}
    grace = finished.settings.train.grace_seconds + _MARGIN_SECONDS
    for template in workflow["spec"]["templates"]:
        if "retryStrategy" in template:  # what is wrong with data or settings will be wrong again
            template["retryStrategy"]["expression"] = f"lastRetry.exitCode != '{USAGE}'"
        if "container" in template and grace > _POD_GRACE_SECONDS:
            patch = {"terminationGracePeriodSeconds": grace}
            template["podSpecPatch"] = msgspec.json.encode(patch).decode()
