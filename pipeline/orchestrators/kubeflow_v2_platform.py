"""The second document for Kubeflow 2. It holds the settings for Kubernetes: volumes, Secrets, node selectors, tolerations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.config import kubernetes_names
from pipeline.config.tables import Kubeflow, Step
from pipeline.orchestrators import compilation

_EXECUTOR = "_executor"  # TFX labels the executor of a node with its id and this suffix


def documents(spec: Mapping[str, Any], kubeflow: Kubeflow) -> list[dict[str, Any]]:
    """Returns the document of all tasks of a PipelineSpec, or an empty list if no task needs one.

    Its form: KubernetesExecutorConfig of Kubeflow's package kubernetes_platform.
    """
    containers = (label for label, executor in spec["deploymentSpec"]["executors"].items() if "container" in executor)
    configs = {
        label: _executor_config(kubeflow, compilation.step_settings(kubeflow, label.removesuffix(_EXECUTOR)))
        for label in containers
    }
    executors = {label: config for label, config in configs.items() if config}
    return [{"platforms": {"kubernetes": {"deploymentSpec": {"executors": executors}}}}] if executors else []


def _executor_config(kubeflow: Kubeflow, settings: Step) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if kubeflow.volume.claim:
        config["pvcMount"] = [{"constant": kubeflow.volume.claim, "mountPath": kubeflow.volume.path}]
    if kubeflow.secrets:
        config["secretAsEnv"] = [
            {"secretName": name, "keyToEnv": [{"secretKey": key, "envVar": key}]}
            for name, key in map(kubernetes_names.secret, kubeflow.secrets)
        ]
    if settings.node_selector:
        config["nodeSelector"] = {"labels": dict(settings.node_selector)}
    if settings.tolerations:
        config["tolerations"] = [dict(toleration) for toleration in settings.tolerations]
    return config
