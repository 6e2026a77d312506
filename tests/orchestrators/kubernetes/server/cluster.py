"""A Kubernetes cluster with Argo Workflows: submits workflows and reads their status, pods and logs."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kubernetes import client

_ARGO = {"group": "argoproj.io", "version": "v1alpha1", "plural": "workflows"}
_NODE_ID, _WORKFLOW = "workflows.argoproj.io/node-id", "workflows.argoproj.io/workflow"
_END_PHASES = ("Succeeded", "Failed", "Error")
_POLL_SECONDS = 0.3


@dataclass(frozen=True)
class Cluster:
    """A cluster, on this machine or elsewhere.

    Attributes:
        api: client of the API server.
        namespace: holds the workflows, the claim and the ConfigMap with MLMD's address.
        image: container image of this project.
        claim: name of the volume's PersistentVolumeClaim.
        volume: folder where the volume is mounted, in pods and on this machine.
        code: folder with the same code as the image. Workflows are compiled in it, because a step refuses other code.
        log: function: name of a pod -> log of its main container.
        kill: function: name of a pod -> kills its processes.
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
        """Starts a workflow, with other values for the given parameters. Returns its name."""
        for parameter in workflow["spec"]["arguments"]["parameters"]:
            parameter["value"] = parameters.pop(parameter["name"], parameter["value"])
        assert not parameters, f"The workflow has no parameters {', '.join(parameters)}."
        created = self._workflows.create_namespaced_custom_object(namespace=self.namespace, body=workflow, **_ARGO)
        return created["metadata"]["name"]

    def status(self, name):
        """Returns a workflow's status, a dictionary with phase, message and nodes."""
        workflow = self._workflows.get_namespaced_custom_object(namespace=self.namespace, name=name, **_ARGO)
        return {"phase": "", "message": "", "nodes": {}, **workflow.get("status", {})}

    def wait(self, name, seconds):
        """Waits until a workflow has ended, at most `seconds`. Returns its status."""
        return self.wait_until(lambda: self._end_status(name), seconds, f"the end of {name}")

    def wait_until(self, condition, seconds, what):
        """Waits until a function returns a true value, at most `seconds`. Returns that value. `what` names it in the error."""
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < deadline, f"Waited {seconds} s in vain for {what}."
            time.sleep(_POLL_SECONDS)
        return result

    def tries(self, name, template):
        """Returns Argo's nodes for a step of a workflow, one per try, in the order of their start."""
        nodes = [n for n in self.status(name)["nodes"].values() if n["type"] == "Pod" and n["templateName"] == template]
        return sorted(nodes, key=lambda node: node["startedAt"])

    def pod(self, node):
        """Returns the name of the pod of an Argo node, or None if the pod does not exist yet."""
        pods = self.core.list_namespaced_pod(self.namespace, label_selector=_WORKFLOW).items
        return next((p.metadata.name for p in pods if p.metadata.annotations[_NODE_ID] == node["id"]), None)

    def pods(self, name):
        """Returns the names of all existing pods of a workflow, running or ended."""
        pods = self.core.list_namespaced_pod(self.namespace, label_selector=f"{_WORKFLOW}={name}").items
        return [pod.metadata.name for pod in pods]

    def logs(self, name, template):
        """Returns the logs of a step, one per try, in the order of their start."""
        return [self.log(self.pod(node)) for node in self.tries(name, template)]

    def delete(self, name, seconds):
        """Deletes a workflow and its pods, and waits at most `seconds` until they are gone."""
        self._workflows.delete_namespaced_custom_object(namespace=self.namespace, name=name, body={}, **_ARGO)

        def gone():
            # The controller may still create pods after the workflow is deleted, so delete in every attempt.
            self.core.delete_collection_namespaced_pod(self.namespace, label_selector=f"{_WORKFLOW}={name}")
            return self.pods(name) == []

        self.wait_until(gone, seconds, f"the end of the pods of {name}")

    def dry_run(self, pod):
        """Lets the API server validate a pod strictly without creating it. Returns why it refuses the pod, or ""."""
        try:
            self.api.call_api(
                f"/api/v1/namespaces/{self.namespace}/pods", "POST", body=pod, response_type="object",
                query_params=[("dryRun", "All"), ("fieldValidation", "Strict")], auth_settings=["BearerToken"],
                header_params={"Content-Type": "application/json"},
            )  # fmt: skip
        except client.ApiException as error:
            return json.loads(error.body)["message"]
        return ""

    def _end_status(self, name):
        """Returns a workflow's status if it has ended, otherwise None."""
        status = self.status(name)
        return status if status["phase"] in _END_PHASES else None

    @property
    def _workflows(self):
        return client.CustomObjectsApi(self.api)
