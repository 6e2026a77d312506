"""[kubeflow], of Kubeflow 1 and 2 alike."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from pipeline.config.table import Table

Retries = Annotated[int, Meta(ge=0, description="how often a step that failed runs again")]
TrySeconds = Annotated[int, Meta(ge=0, description="time limit of one try; 0 sets none")]


class Step(Table, frozen=True):
    """[kubeflow.steps.NODE]: what is not said holds as for all nodes."""

    cpu: Annotated[str | None, Meta(description="processors, such as 2 or 500m")] = None
    memory: Annotated[str | None, Meta(description="such as 4Gi")] = None
    gpu: Annotated[Annotated[int, Meta(ge=0)] | None, Meta(description="GPUs")] = None
    gpu_type: Annotated[
        str | None, Meta(description="kind of GPU: Kubernetes' resource, by default nvidia.com/gpu; or Vertex' NVIDIA_TESLA_T4")
    ] = None
    retries: Retries | None = None
    seconds: TrySeconds | None = None
    node_selector: Annotated[dict[str, str] | None, Meta(description="labels of the machines to run on")] = None
    tolerations: Annotated[
        list[dict[str, str]] | None, Meta(description="taints to bear, each {key, operator, value, effect}")
    ] = None


class AllSteps(Step, frozen=True):
    """[kubeflow.all]: what holds for all nodes."""

    retries: Retries = 2
    seconds: TrySeconds = 0


class Volume(Table, frozen=True):
    """[kubeflow.volume]: a persistent volume that all steps see; output_dir lies on it."""

    claim: Annotated[
        str | None, Meta(description="name of a PersistentVolumeClaim; without it output_dir is object storage")
    ] = None
    path: Annotated[str, Meta(description="where it is mounted")] = "/mnt/pipeline"
    group: Annotated[int, Meta(ge=0, description="number of the group that may write on it: that of the image's user")] = 1000


class Kubeflow(Table, frozen=True):
    """[kubeflow]: how its steps run."""

    image: Annotated[str | None, Meta(description="image with this project, such as registry/estimator-pipeline:1.0")] = None
    all: AllSteps = AllSteps()
    steps: Annotated[dict[str, Step], Meta(description="the same for single nodes: [kubeflow.steps.Trainer]")] = msgspec.field(
        default_factory=dict
    )
    secrets: Annotated[
        list[str],
        Meta(description="keys of Secrets that become environment variables of every step, each NAME/KEY"),
    ] = msgspec.field(default_factory=list)
    config_maps: Annotated[list[str], Meta(description="ConfigMaps whose keys become environment variables of every step")] = (
        msgspec.field(default_factory=lambda: ["metadata-grpc-configmap"])
    )
    volume: Volume = Volume()
    service_account: Annotated[str, Meta(description="ServiceAccount of the steps; Kubeflow Pipelines has this one")] = (
        "pipeline-runner"
    )
    backoff_seconds: Annotated[int, Meta(ge=0, description="before a step is run again; then twice as long each time")] = 10
