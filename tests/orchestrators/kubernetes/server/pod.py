"""Runs one pod, from its assignment to this machine to its end."""

import contextlib
import threading
import time

from kubernetes import client

from tests.orchestrators.kubernetes.server.container import Container
from tests.orchestrators.kubernetes.server.environment import NODE, PodEnvironment

_POLL_SECONDS = 0.1
# Time between two attempts to start a container that cannot start yet.
_RETRY_SECONDS = 0.5


class Pod:
    """A pod, and the thread that starts its containers, watches them and reports their status."""

    def __init__(self, core, pod, machine):
        self.name, self._core, self._pod = pod.metadata.name, core, pod
        self._folder = machine.logs / self.name
        self._folder.mkdir(parents=True, exist_ok=True)
        spec, uid = pod.spec, pod.metadata.uid
        self._environment = PodEnvironment(core, pod).variables
        self._containers = [Container(c, uid, spec.restart_policy, machine) for c in spec.containers]
        self._grace, self._reported, self._deleted, self._closed = spec.termination_grace_period_seconds, None, False, False
        self._ending, self._kill_at, self._failure, self._next_start = threading.Event(), float("inf"), {}, 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def kill(self):
        """Kills the processes of all containers."""
        for container in self._containers:
            container.kill()

    def delete(self, grace):
        """Ends the pod with SIGTERM, after `grace` seconds with SIGKILL, then removes it from the API server."""
        self._grace, self._deleted = grace, True
        self._ending.set()
        # A pod that has already ended has no thread left to remove it. If the thread is just ending, the watch reports the
        # deletion again.
        if not self._thread.is_alive():
            self._forget()

    def close(self):
        """Kills the pod and reports nothing more to the API server."""
        self._closed = True
        self._ending.set()
        self._thread.join()
        self.kill()

    def _run(self):
        """Takes care of the pod until it has ended or is closed; ends it at its time limit."""
        self._bind()
        started, limit = time.monotonic(), self._pod.spec.active_deadline_seconds
        while not self._closed and not self._advance():
            if limit and time.monotonic() > started + limit and not self._failure:
                self._failure = {
                    "reason": "DeadlineExceeded", "message": "Pod was active on the node longer than the specified deadline",
                }  # fmt: skip
                self._ending.set()
            self._stop_if_asked()
            time.sleep(_POLL_SECONDS)
        if self._deleted and not self._closed:
            self._forget()

    def _forget(self):
        """Removes the pod from the API server."""
        with _unless_gone():
            self._core.delete_namespaced_pod(self.name, self._pod.metadata.namespace, grace_period_seconds=0)

    def _advance(self):
        """Starts waiting containers, updates and reports the states of all. Returns whether all have ended."""
        if time.monotonic() >= self._next_start and not self._ending.is_set():
            self._next_start = time.monotonic() + _RETRY_SECONDS
            for container in filter(lambda c: c.waiting, self._containers):
                container.start(self._environment, self._folder)
        for container in self._containers:
            container.update()
        others = [c for c in self._containers if not c.only_waits]
        if all(c.exit_code is not None for c in others):
            for container in filter(lambda c: c.only_waits and c.exit_code is None, self._containers):
                container.finish()
        self._report()
        return all(c.exit_code is not None for c in self._containers)

    def _stop_if_asked(self):
        """Sends SIGTERM to the containers if the pod must end, and SIGKILL after the grace period."""
        if not self._ending.is_set():
            return
        if self._kill_at == float("inf"):
            self._kill_at = time.monotonic() + self._grace
            for container in self._containers:
                container.terminate()
        elif time.monotonic() > self._kill_at:
            self.kill()

    def _report(self):
        """Sends the pod's status to the API server if it has changed."""
        codes = [c.exit_code for c in self._containers]
        if all(code is not None for code in codes):
            phase = "Failed" if any(codes) or self._failure else "Succeeded"
        else:
            phase = "Pending" if all(c.waiting for c in self._containers if not c.only_waits) else "Running"
        status = {"phase": phase, "containerStatuses": [c.status() for c in self._containers], **self._failure}
        if status != self._reported:
            self._reported = status
            with _unless_gone():
                patch = {"metadata": {"uid": self._pod.metadata.uid}, "status": status}
                self._core.patch_namespaced_pod_status(self.name, self._pod.metadata.namespace, patch)

    def _bind(self):
        """Assigns the pod to this machine, as a scheduler does. Without that the API server deletes it with no grace period."""
        target = client.V1ObjectReference(api_version="v1", kind="Node", name=NODE)
        binding = client.V1Binding(metadata=client.V1ObjectMeta(name=self.name), target=target)
        with _unless_gone():
            # Without decoding: the client expects a Binding, but the API server answers with a Status.
            self._core.create_namespaced_pod_binding(self.name, self._pod.metadata.namespace, binding, _preload_content=False)


@contextlib.contextmanager
def _unless_gone():
    """Ignores the API server's errors "not found" and "conflict": a pod may be deleted at any time."""
    try:
        yield
    except client.ApiException as error:
        if error.status not in (404, 409):
            raise
