"""A small kubelet and scheduler. It runs the containers of all pods of an API server as processes on this machine.

It supports environment variables (also from ConfigMaps, Secrets and fields of the pod), PersistentVolumeClaims, restart
policies, exit codes, time limits, and SIGTERM with a grace period. It isolates nothing: it has no images, no Linux namespaces
and no limits on memory or processors.
"""

import contextlib
import threading

from kubernetes import client, watch
from urllib3.exceptions import HTTPError

from tests.orchestrators.kubernetes.server.pod import Pod

# Length of one watch request. `close` waits at most so long for the current request to end.
_WATCH_SECONDS = 2


class Kubelet:
    """Runs pods until it is closed."""

    def __init__(self, api, machine):
        """Starts the thread that watches pods. `api`: a kubernetes.client.ApiClient; `machine`: a Machine."""
        self._core, self._machine = client.CoreV1Api(api), machine
        self._pods, self._closing = {}, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def close(self):
        """Stops watching, and kills the containers that still run."""
        self._closing.set()
        self._thread.join()
        for pod in self._pods.values():
            pod.close()

    def log(self, pod, container="main"):
        """Returns the log of a container, including its restarts. `pod` is the pod's name."""
        files = sorted((self._machine.logs / pod).glob(f"{container}.*.log"))
        return "".join(file.read_text(errors="replace") for file in files)

    def kill(self, pod):
        """Kills a pod's containers, as the kernel does when memory runs out. `pod` is the pod's name."""
        next(p for p in self._pods.values() if p.name == pod).kill()

    def _watch(self):
        """Handles the events of all pods until the kubelet is closed. Watches again after an error of the API server."""
        while not self._closing.is_set():
            with contextlib.suppress(client.ApiException, HTTPError):
                for event in watch.Watch().stream(self._core.list_pod_for_all_namespaces, timeout_seconds=_WATCH_SECONDS):
                    self.handle(event["type"], event["object"])

    def handle(self, kind, pod):
        """Handles an event of the watch: starts a new pod, or deletes a known one."""
        known = self._pods.get(pod.metadata.uid)
        if known and (kind == "DELETED" or pod.metadata.deletion_timestamp):
            known.delete(pod.metadata.deletion_grace_period_seconds or 0)
        elif not known and pod.status.phase == "Pending":
            self._pods[pod.metadata.uid] = Pod(self._core, pod, self._machine)
