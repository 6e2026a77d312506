"""A small kubelet, and scheduler: runs the containers of every pod of an API server as processes of this machine.

It honours environments, also from ConfigMaps, Secrets and the pod itself, claims of volumes, restart policies, exit codes, time
limits, and SIGTERM with its grace period. It isolates nothing: no images, no namespaces, no limits of memory and processors.
"""

import contextlib
import threading

from kubernetes import client, watch
from urllib3.exceptions import HTTPError

from tests.orchestrators.kubernetes.pod import Pod

# A watch ends and begins again: so long may `close` take.
_WATCH_SECONDS = 2


class Kubelet:
    """Runs pods until it is closed."""

    def __init__(self, api, machine):
        """`api`: a kubernetes.client.ApiClient."""
        self._core, self._machine = client.CoreV1Api(api), machine
        self._pods, self._closing = {}, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def close(self):
        """Ends the containers that still run, and itself."""
        self._closing.set()
        self._thread.join()
        for pod in self._pods.values():
            pod.close()

    def log(self, pod, container="main"):
        """Returns what a pod's container has written, that of its restarts too; `pod` is its name."""
        files = sorted((self._machine.logs / pod).glob(f"{container}.*.log"))
        return "".join(file.read_text(errors="replace") for file in files)

    def kill(self, pod):
        """Kills a pod's containers, as a lack of memory would."""
        next(p for p in self._pods.values() if p.name == pod).kill()

    def _watch(self):
        while not self._closing.is_set():
            with contextlib.suppress(client.ApiException, HTTPError):
                for event in watch.Watch().stream(self._core.list_pod_for_all_namespaces, timeout_seconds=_WATCH_SECONDS):
                    self._hear(event["type"], event["object"])

    def _hear(self, kind, pod):
        known = self._pods.get(pod.metadata.uid)
        if known and (kind == "DELETED" or pod.metadata.deletion_timestamp):
            known.delete(pod.metadata.deletion_grace_period_seconds or 0)
        elif not known and pod.status.phase == "Pending":
            self._pods[pod.metadata.uid] = Pod(self._core, pod, self._machine)
