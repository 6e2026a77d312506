"""A cluster on this machine without containers: etcd, the API server, Argo's controller, an MLMD server and a small kubelet.

All servers listen on free loopback ports. All processes are ended by their ids, however the tests end.
"""

import contextlib
import os
import shutil
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from kubernetes import client, config, utils

from tests.orchestrators import mlmd_server, processes
from tests.orchestrators.kubernetes.server.cluster import Cluster
from tests.orchestrators.kubernetes.server.container import Machine
from tests.orchestrators.kubernetes.server.kubelet import Kubelet
from tests.support import cli

IMAGE = "registry.example/estimator-pipeline:1.0"
_NAMESPACE, _CLAIM, _TOKEN = "default", "pipeline", "token-of-the-tests"
_START_SECONDS = 120
# The packages that the Dockerfile copies.
_PROJECT = ("data", "trainer_module", "components", "pipeline")
_CONTROLLER_SETTINGS = "metricsConfig: {enabled: false}\ntelemetryConfig: {enabled: false}\n"


@dataclass
class Installation:
    """A cluster on this machine, with what a test needs to check that it has ended.

    Attributes:
        cluster: the Cluster to work with.
        mark: value of the variable `processes.SERVER` in the environment of all its processes.
        ports: ports that its servers listen on.
    """

    cluster: Cluster
    mark: str
    ports: list[int] = field(default_factory=list)


@contextlib.contextmanager
def up(tools, folder):
    """Starts a cluster, yields its Installation, and ends all its processes.

    Args:
        tools: Tools with the programs.
        folder: empty folder for everything that the cluster writes.
    """
    installation = Installation(None, f"{folder}-{uuid.uuid4().hex}")
    try:
        with contextlib.ExitStack() as stack:
            installation.cluster = _start(tools, folder, installation, stack)
            yield installation
    finally:
        processes.kill(processes.SERVER, installation.mark)  # processes that a server or a step has started


def left_of(installation):
    """Returns what is left of an installation: ids of running processes, and ports that are still in use."""
    return processes.marked(processes.SERVER, installation.mark) + [
        port for port in installation.ports if processes.listens(port)
    ]


def _start(tools, folder, installation, stack):
    """Starts all servers, which `stack` ends. Adds their ports to the installation. Returns the Cluster."""
    servers = []
    environment = cli.environment() | {processes.SERVER: installation.mark}

    def serve(name, *arguments, **variables):
        server = processes.Server(name, [tools[name], *arguments], folder, environment | variables)
        stack.callback(server.stop)
        servers.append(server)

    def port():
        installation.ports.append(processes.free_port())
        return installation.ports[-1]

    client_url, peer_url = (f"http://127.0.0.1:{port()}" for _ in range(2))
    serve("etcd", *_etcd(folder / "etcd", client_url, peer_url))
    url = f"https://127.0.0.1:{port()}"
    serve("kube-apiserver", *_api_server(folder, client_url, url))
    api = _connected(folder, url, servers)
    _create_argo_objects(api, tools, servers)
    # The controller handles a change after 100 ms instead of ten seconds.
    serve("workflow-controller", "-kubeconfig", str(folder / "kubeconfig"), DEFAULT_REQUEUE_TIME="100ms")
    metadata = stack.enter_context(mlmd_server.running(f"sqlite://{folder}/metadata.sqlite", environment))
    installation.ports.append(int(metadata.rpartition(":")[2]))
    _create_pipeline_objects(api, metadata, folder)
    kubelet = Kubelet(api, _machine(folder, installation.mark))
    stack.callback(kubelet.close)
    return Cluster(
        api=api, namespace=_NAMESPACE, image=IMAGE, claim=_CLAIM, volume=_volume(folder),
        code=folder / "application", log=kubelet.log, kill=kubelet.kill,
    )  # fmt: skip


def _etcd(data, client_url, peer_url):
    """Returns the arguments of etcd."""
    return (
        "--data-dir", str(data), "--unsafe-no-fsync", "--log-level=warn",
        "--listen-client-urls", client_url, "--advertise-client-urls", client_url,
        "--listen-peer-urls", peer_url, "--initial-advertise-peer-urls", peer_url,
        "--initial-cluster", f"default={peer_url}",
    )  # fmt: skip


def _api_server(folder, etcd, url):
    """Writes the keys and tokens of the API server into the folder. Returns its arguments."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (folder / "service-accounts.pem").write_bytes(key)
    (folder / "tokens.csv").write_text(f'{_TOKEN},tests,tests,"system:masters"\n')
    return (
        f"--etcd-servers={etcd}", "--bind-address=127.0.0.1", f"--secure-port={url.rpartition(':')[2]}",
        f"--cert-dir={folder}/certificates", f"--token-auth-file={folder}/tokens.csv", "--authorization-mode=RBAC",
        "--anonymous-auth=false", "--profiling=false", "--service-cluster-ip-range=10.0.0.0/24",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={folder}/service-accounts.pem",
        f"--service-account-signing-key-file={folder}/service-accounts.pem",
        "--disable-admission-plugins=ServiceAccount",  # no controller runs that creates service accounts
    )  # fmt: skip


def _connected(folder, url, servers):
    """Waits until the API server is ready. Returns a client of it."""
    authority = folder / "certificates" / "apiserver.crt"  # the API server creates it
    kubeconfig = {
        "apiVersion": "v1", "kind": "Config", "current-context": "tests",
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests", "namespace": _NAMESPACE}}],
        "clusters": [{"name": "tests", "cluster": {"server": url, "certificate-authority": str(authority)}}],
        "users": [{"name": "tests", "user": {"token": _TOKEN}}],
    }  # fmt: skip
    (folder / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    _until(authority.exists, servers, "a certificate of the API server")
    api = config.new_client_from_config(str(folder / "kubeconfig"))

    def ready():
        try:
            return api.call_api("/readyz", "GET", auth_settings=["BearerToken"], response_type="str", _request_timeout=5)
        except Exception:  # connection refused or reset, not ready, not yet authorised
            return None

    _until(ready, servers, "the API server")
    return api


def _create_argo_objects(api, tools, servers):
    """Creates the objects that Argo's controller needs at its start. If one is missing, it tries again after half a minute."""
    for manifest in tools.manifests:
        utils.create_from_yaml(api, str(manifest))
    extensions = client.ApiextensionsV1Api(api)
    for name in ("workflows.argoproj.io", "workflowtaskresults.argoproj.io"):
        _until(lambda name=name: _established(extensions, name), servers, name)
    _config_map(api, "workflow-controller-configmap", {"config": _CONTROLLER_SETTINGS})


def _established(extensions, name):
    """Returns whether the API server serves a custom resource."""
    conditions = extensions.read_custom_resource_definition(name).status.conditions or []
    return any(c.type == "Established" and c.status == "True" for c in conditions)


def _create_pipeline_objects(api, metadata, folder):
    """Creates what Kubeflow Pipelines provides elsewhere, a ConfigMap with MLMD's address, and what its users do, a volume."""
    host, _, port = metadata.removeprefix("grpc://").partition(":")
    _config_map(api, "metadata-grpc-configmap", {"METADATA_GRPC_SERVICE_HOST": host, "METADATA_GRPC_SERVICE_PORT": port})
    _volume(folder).mkdir()
    core, capacity, modes = client.CoreV1Api(api), {"storage": "1Gi"}, ["ReadWriteMany"]
    volume = {"capacity": capacity, "accessModes": modes, "hostPath": {"path": str(_volume(folder))}}
    core.create_persistent_volume({"metadata": {"name": _CLAIM}, "spec": volume})
    claim = {"accessModes": modes, "volumeName": _CLAIM, "storageClassName": "", "resources": {"requests": capacity}}
    core.create_namespaced_persistent_volume_claim(_NAMESPACE, {"metadata": {"name": _CLAIM}, "spec": claim})


def _machine(folder, mark):
    """Returns the Machine of the cluster. Its image is a copy of the project: an edit of the checkout does not change a run."""
    for name in _PROJECT:
        shutil.copytree(cli.ROOT / name, folder / "application" / name)
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.defpath]),
        "PYTHONPATH": str(folder / "application"),
        "PYTHONUNBUFFERED": "1",
        "HOME": str(folder),
        processes.SERVER: mark,
    }
    return Machine(IMAGE, folder / "application", environment, folder / "logs")


def _config_map(api, name, data):
    client.CoreV1Api(api).create_namespaced_config_map(_NAMESPACE, {"metadata": {"name": name}, "data": data})


def _volume(folder):
    return folder / "volume"


def _until(condition, servers, what):
    """Waits until a function returns a true value, at most _START_SECONDS. Raises RuntimeError if a server ends meanwhile."""
    deadline = time.monotonic() + _START_SECONDS
    while not condition():
        for server in servers:
            server.check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"Waited {_START_SECONDS} s in vain for {what}.")
        time.sleep(0.1)
