"""One pod: from its assignment to this machine to its end."""

import contextlib
import threading
import time

from kubernetes import client

from tests.orchestrators.kubernetes.container import Container
from tests.orchestrators.kubernetes.environment import NODE, Environment

_LOOK_EVERY_SECONDS = 0.1
# A container that could not start is tried again.
_AGAIN_SECONDS = 0.5


class Pod:
    """One pod, and the thread that takes care of it."""

    def __init__(self, core, pod, machine):
        self.name, self._core, self._pod = pod.metadata.name, core, pod
        self._folder = machine.logs / self.name
        self._folder.mkdir(parents=True, exist_ok=True)
        spec, uid = pod.spec, pod.metadata.uid
        self._environment = Environment(core, pod).of
        self._containers = [Container(c, uid, spec.restart_policy, machine) for c in spec.containers]
        self._grace, self._reported, self._deleted, self._closed = spec.termination_grace_period_seconds, None, False, False
        self._ending, self._kill_at, self._failure, self._try_at = threading.Event(), float("inf"), {}, 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def kill(self):
        for container in self._containers:
            container.kill()

    def delete(self, grace):
        """It is to end, and to be forgotten."""
        self._grace, self._deleted = grace, True
        self._ending.set()
        if not self._thread.is_alive():  # it had ended by itself; who was just ending is heard of again, in the next list
            self._forget()

    def close(self):
        """It is to end at once, and nobody wants to hear of it."""
        self._closed = True
        self._ending.set()
        self._thread.join()
        self.kill()

    def _run(self):
        self._bind()
        started, limit = time.monotonic(), self._pod.spec.active_deadline_seconds
        while not self._closed and not self._look():
            if limit and time.monotonic() > started + limit and not self._failure:
                self._failure = {
                    "reason": "DeadlineExceeded", "message": "Pod was active on the node longer than the specified deadline",
                }  # fmt: skip
                self._ending.set()
            self._end_if_asked()
            time.sleep(_LOOK_EVERY_SECONDS)
        if self._deleted and not self._closed:
            self._forget()

    def _forget(self):
        """Tells the API server that nothing is left of it."""
        with _unless_gone():
            self._core.delete_namespaced_pod(self.name, self._pod.metadata.namespace, grace_period_seconds=0)

    def _look(self):
        """Returns whether all is over."""
        if time.monotonic() >= self._try_at and not self._ending.is_set():
            self._try_at = time.monotonic() + _AGAIN_SECONDS
            for container in filter(lambda c: c.waiting, self._containers):
                container.start(self._environment, self._folder)
        for container in self._containers:
            container.look()
        others = [c for c in self._containers if not c.only_waits]
        if all(c.exit_code is not None for c in others):
            for container in filter(lambda c: c.only_waits and c.exit_code is None, self._containers):
                container.finish()
        self._report()
        return all(c.exit_code is not None for c in self._containers)

    def _end_if_asked(self):
        if not self._ending.is_set():
            return
        if self._kill_at == float("inf"):
            self._kill_at = time.monotonic() + self._grace
            for container in self._containers:
                container.ask()
        elif time.monotonic() > self._kill_at:
            self.kill()

    def _report(self):
        codes = [c.exit_code for c in self._containers]
        if all(code is not None for code in codes):
            phase = "Failed" if any(codes) or self._failure else "Succeeded"
        else:
            phase = "Pending" if all(c.waiting for c in self._containers if not c.only_waits) else "Running"
        status = {"phase": phase, "containerStatuses": [c.status() for c in self._containers], **self._failure}
        if status != self._reported:
            self._reported = status
            with _unless_gone():
                of_this = {"metadata": {"uid": self._pod.metadata.uid}, "status": status}
                self._core.patch_namespaced_pod_status(self.name, self._pod.metadata.namespace, of_this)

    def _bind(self):
        """Assigns it to this machine, as a scheduler does: only then deleting it takes its grace period."""
        target = client.V1ObjectReference(api_version="v1", kind="Node", name=NODE)
        binding = client.V1Binding(metadata=client.V1ObjectMeta(name=self.name), target=target)
        with _unless_gone():
            # Not decoded: this client takes the answer for a Binding, which it is not.
            self._core.create_namespaced_pod_binding(self.name, self._pod.metadata.namespace, binding, _preload_content=False)


@contextlib.contextmanager
def _unless_gone():
    """A pod may be deleted at any time."""
    try:
        yield
    except client.ApiException as error:
        if error.status not in (404, 409):
            raise
