"""A cluster with Argo: submit workflows to it, and see what becomes of them."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kubernetes import client

_ARGO = {"group": "argoproj.io", "version": "v1alpha1", "plural": "workflows"}
_NODE_ID, _WORKFLOW = "workflows.argoproj.io/node-id", "workflows.argoproj.io/workflow"
_OVER = ("Succeeded", "Failed", "Error")
_LOOK_EVERY_SECONDS = 0.3


@dataclass(frozen=True)
class Cluster:
    """A cluster, this machine's or another one.

    Attributes:
        api: how to talk to its API server.
        namespace: of the workflows, of MLMD's ConfigMap and of the claim.
        image: with this project.
        claim: PersistentVolumeClaim of the volume.
        volume: folder where pods see the volume, and this process too.
        code: folder with the code that is in the image: what runs there is compiled there.
        log: name of a pod -> what its main container has written.
        kill: kills the processes of a pod, by its name.
    """

    api: client.ApiClient
    namespace: str
    image: str
    claim: str
    volume: Path
    code: Path
    log: Callable[[str], str]
    kill: Callable[[str], None]

    @property
    def core(self):
        return client.CoreV1Api(self.api)

    def submit(self, workflow, **parameters):
        """Starts a workflow, some of its parameters set otherwise. Returns its name."""
        for parameter in workflow["spec"]["arguments"]["parameters"]:
            parameter["value"] = parameters.pop(parameter["name"], parameter["value"])
        assert not parameters, f"The workflow has no parameters {', '.join(parameters)}."
        made = self._workflows.create_namespaced_custom_object(namespace=self.namespace, body=workflow, **_ARGO)
        return made["metadata"]["name"]

    def status(self, name):
        """Returns a workflow's status: phase, message, nodes."""
        found = self._workflows.get_namespaced_custom_object(namespace=self.namespace, name=name, **_ARGO)
        return {"phase": "", "message": "", "nodes": {}, **found.get("status", {})}

    def wait(self, name, seconds):
        """Waits until a workflow is over and returns its status."""
        return self.until(lambda: self._over(name), seconds, f"the end of {name}")

    def until(self, condition, seconds, what):
        """Waits until a function returns something true, and returns that."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"In {seconds} s there was no sign of {what}."
            time.sleep(_LOOK_EVERY_SECONDS)
        return found

    def tries(self, name, template):
        """Returns the pods of a workflow's step as Argo sees them, one a try, in their order."""
        found = [n for n in self.status(name)["nodes"].values() if n["type"] == "Pod" and n["templateName"] == template]
        return sorted(found, key=lambda node: node["startedAt"])

    def pod(self, node):
        """Returns the name of the pod of a node of Argo's, None before there is one."""
        pods = self.core.list_namespaced_pod(self.namespace, label_selector=_WORKFLOW).items
        return next((p.metadata.name for p in pods if p.metadata.annotations[_NODE_ID] == node["id"]), None)

    def pods(self, name):
        """Returns the names of the pods that a workflow has, or has left."""
        found = self.core.list_namespaced_pod(self.namespace, label_selector=f"{_WORKFLOW}={name}").items
        return [pod.metadata.name for pod in found]

    def logs(self, name, template):
        """Returns what the tries of a step have written."""
        return [self.log(self.pod(node)) for node in self.tries(name, template)]

    def delete(self, name, seconds):
        """Deletes a workflow and its pods, those too that its controller was about to make, and waits until they are gone."""
        self._workflows.delete_namespaced_custom_object(namespace=self.namespace, name=name, body={}, **_ARGO)

        def gone():
            self.core.delete_collection_namespaced_pod(self.namespace, label_selector=f"{_WORKFLOW}={name}")
            return self.pods(name) == []

        self.until(gone, seconds, f"the end of the pods of {name}")

    def dry_run(self, pod):
        """Has the API server check a pod, strictly, without creating it. Returns why it refuses it, "" if it does not."""
        try:
            self.api.call_api(
                f"/api/v1/namespaces/{self.namespace}/pods", "POST", body=pod, response_type="object",
                query_params=[("dryRun", "All"), ("fieldValidation", "Strict")], auth_settings=["BearerToken"],
                header_params={"Content-Type": "application/json"},
            )  # fmt: skip
        except client.ApiException as error:
            return json.loads(error.body)["message"]
        return ""

    def _over(self, name):
        status = self.status(name)
        return status if status["phase"] in _OVER else None

    @property
    def _workflows(self):
        return client.CustomObjectsApi(self.api)
