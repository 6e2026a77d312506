"""A cluster that is there already, for the same tests. Environment variables name it and what it has:

E2E_KUBECONFIG   file with its address and credentials
E2E_NAMESPACE    where Argo Workflows (3.5, or that of Kubeflow Pipelines 1.8) runs workflows, with the ServiceAccount
                 `pipeline-runner` and the ConfigMap `metadata-grpc-configmap` that names an MLMD server  [kubeflow]
E2E_IMAGE        image of this very checkout (make it with `docker build`), which its machines can pull
E2E_CLAIM        a PersistentVolumeClaim of that namespace that many pods can write to (ReadWriteMany)
E2E_VOLUME       folder where that volume is mounted on this machine; pods have it at the same path
"""

from pathlib import Path

from kubernetes import client, config

from tests.orchestrators.kubernetes.cluster import Cluster
from tests.support import cli

KUBECONFIG = "E2E_KUBECONFIG"
_NEEDED = ("E2E_IMAGE", "E2E_CLAIM", "E2E_VOLUME")


def cluster(environment):
    """Returns the cluster that an environment names."""
    missing = [name for name in _NEEDED if not environment.get(name)]
    if missing:
        raise ValueError(f"With {KUBECONFIG} go {', '.join(_NEEDED)}. Not set: {', '.join(missing)}. See {__file__}.")
    api = config.new_client_from_config(environment[KUBECONFIG])
    core, namespace = client.CoreV1Api(api), environment.get("E2E_NAMESPACE", "kubeflow")
    return Cluster(
        api=api, namespace=namespace, image=environment["E2E_IMAGE"], claim=environment["E2E_CLAIM"],
        volume=Path(environment["E2E_VOLUME"]), code=cli.ROOT,
        log=lambda pod: core.read_namespaced_pod_log(pod, namespace, container="main"),
        kill=lambda pod: core.delete_namespaced_pod(pod, namespace, grace_period_seconds=0),
    )  # fmt: skip
