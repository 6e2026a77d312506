"""The table [kubeflow], for Kubeflow 1, Kubeflow 2 and Vertex AI."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from pipeline.config.table import Table

Retries = Annotated[int, Meta(ge=0, description="how often a failed step runs again")]
TrySeconds = Annotated[int, Meta(ge=0, description="time limit of one try of a step, in seconds; 0 sets none")]


class Step(Table, frozen=True):
    """[kubeflow.steps.NODE]: the settings of one step. A key that is not set has the value of kubeflow.all."""

    cpu: Annotated[str | None, Meta(description="number of processors, such as 2 or 500m")] = None
    memory: Annotated[str | None, Meta(description="amount of memory, such as 4Gi")] = None
    gpu: Annotated[Annotated[int, Meta(ge=0)] | None, Meta(description="number of GPUs")] = None
    gpu_type: Annotated[
        str | None,
        Meta(
            description="kind of GPU: resource of Kubernetes, by default nvidia.com/gpu, or of Vertex, such as NVIDIA_TESLA_T4"
        ),
    ] = None
    retries: Retries | None = None
    seconds: TrySeconds | None = None
    node_selector: Annotated[dict[str, str] | None, Meta(description="labels that a machine must have to run a step")] = None
    tolerations: Annotated[
        list[dict[str, str]] | None, Meta(description="taints that a step tolerates, each {key, operator, value, effect}")
    ] = None


class AllSteps(Step, frozen=True):
    """[kubeflow.all]: the settings of all steps."""

    retries: Retries = 2
    seconds: TrySeconds = 0


class Volume(Table, frozen=True):
    """[kubeflow.volume]: a persistent volume that all steps mount; it holds output_dir."""

    claim: Annotated[
        str | None, Meta(description="name of a PersistentVolumeClaim; without one, output_dir must be in object storage")
    ] = None
    path: Annotated[str, Meta(description="path where steps mount the volume")] = "/mnt/pipeline"
    group: Annotated[
        int, Meta(ge=0, description="id of the group that may write to the volume; the user of the image belongs to it")
    ] = 1000


class Kubeflow(Table, frozen=True):
    """[kubeflow]: how the steps run."""

    image: Annotated[str | None, Meta(description="image that holds this project, such as registry/estimator-pipeline:1.0")] = (
        None
    )
    all: AllSteps = AllSteps()
    steps: Annotated[
        dict[str, Step],
        Meta(description="settings of one step, such as [kubeflow.steps.Trainer]; the keys are those of kubeflow.all"),
    ] = msgspec.field(default_factory=dict)
    secrets: Annotated[
        list[str],
        Meta(description="keys of Secrets, each written NAME/KEY; all steps get each one as the environment variable KEY"),
    ] = msgspec.field(default_factory=list)
    config_maps: Annotated[list[str], Meta(description="ConfigMaps; their keys become environment variables of all steps")] = (
        msgspec.field(default_factory=lambda: ["metadata-grpc-configmap"])
    )
    volume: Volume = Volume()
    service_account: Annotated[
        str, Meta(description="ServiceAccount of the steps; the default is the one of Kubeflow Pipelines")
    ] = "pipeline-runner"
    backoff_seconds: Annotated[
        int, Meta(ge=0, description="pause before the first retry of a step, in seconds; each further pause is twice as long")
    ] = 10
