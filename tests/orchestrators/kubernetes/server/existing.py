"""An existing cluster for the same tests. Environment variables describe it:

E2E_KUBECONFIG   kubeconfig file with the cluster's address and credentials
E2E_NAMESPACE    namespace in which Argo Workflows (3.5, or that of Kubeflow Pipelines 1.8) runs workflows. It has the
                 ServiceAccount `pipeline-runner` and the ConfigMap `metadata-grpc-configmap` with the address of an MLMD
                 server. Default: kubeflow
E2E_IMAGE        image of this checkout, built with `docker build`, which the cluster's machines can pull
E2E_CLAIM        PersistentVolumeClaim in that namespace that many pods can write to (ReadWriteMany)
E2E_VOLUME       folder where the claim's volume is mounted on this machine. Pods mount it at the same path
"""

from pathlib import Path

from kubernetes import client, config

from tests.orchestrators.kubernetes.server.cluster import Cluster
from tests.support import cli

KUBECONFIG = "E2E_KUBECONFIG"
_REQUIRED = ("E2E_IMAGE", "E2E_CLAIM", "E2E_VOLUME")


def cluster(environment):
    """Returns the cluster that the environment variables describe.

    Raises:
        ValueError: a variable is missing.
    """
    missing = [name for name in _REQUIRED if not environment.get(name)]
    if missing:
        raise ValueError(f"{KUBECONFIG} requires {', '.join(_REQUIRED)}. Not set: {', '.join(missing)}. See {__file__}.")
    api = config.new_client_from_config(environment[KUBECONFIG])
    core, namespace = client.CoreV1Api(api), environment.get("E2E_NAMESPACE", "kubeflow")
    return Cluster(
        api=api, namespace=namespace, image=environment["E2E_IMAGE"], claim=environment["E2E_CLAIM"],
        volume=Path(environment["E2E_VOLUME"]), code=cli.ROOT,
        log=lambda pod: core.read_namespaced_pod_log(pod, namespace, container="main"),
        kill=lambda pod: core.delete_namespaced_pod(pod, namespace, grace_period_seconds=0),
    )  # fmt: skip
