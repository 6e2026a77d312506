"""`argo lint` and the API server accept a compiled workflow and its pods, and refuse one that is broken on purpose.

Both checks are needed: `argo lint` accepts a mount of a volume that does not exist, the API server a wrong `when`.
"""

import copy
import json
import subprocess

import pytest
import yaml

pytestmark = pytest.mark.e2e

SETTINGS = """
[kubeflow]
secrets = ["object-storage/TOKEN"]
[kubeflow.all]
cpu = "500m"
memory = "4Gi"
seconds = 3600
node_selector = { "example.com/pool" = "pipeline" }
tolerations = [{ key = "pool", value = "pipeline", effect = "NoSchedule" }, { operator = "Exists" }]
[kubeflow.steps.Trainer]
cpu = "4"
memory = "16Gi"
gpu = 1
retries = 5
[train]
grace_seconds = 60
"""


@pytest.fixture(scope="module")
def workflow(compiled):
    """A workflow that uses every setting of Kubeflow."""
    return compiled(text=SETTINGS)


@pytest.fixture
def broken(workflow):
    """A copy of the workflow for a test to break."""
    return copy.deepcopy(workflow)


@pytest.fixture
def lint(programs, tmp_path):
    """Returns a function: workflow -> why `argo lint` refuses it, or "" if it accepts it."""

    def call(workflow):
        file = tmp_path / "workflow.yaml"
        file.write_text(yaml.safe_dump(workflow))
        done = subprocess.run([programs["argo"], "lint", "--offline", file], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr if done.returncode else ""

    return call


def template(workflow, name):
    """Returns the template of a step, to read or to change."""
    return next(t for t in workflow["spec"]["templates"] if t["name"] == name)


def container(workflow):
    """Returns the container of the Trainer, to change."""
    return template(workflow, "trainer")["container"]


def task(workflow, name):
    """Returns a task of the workflow's DAG, to change."""
    return next(t for t in template(workflow, workflow["spec"]["entrypoint"])["dag"]["tasks"] if t["name"] == name)


def pods(workflow):
    """Yields the pods that Argo creates for a workflow, with the fields that Argo copies from the workflow."""
    for step in workflow["spec"]["templates"]:
        if "container" in step:
            copied = ("volumes", "tolerations", "nodeSelector", "activeDeadlineSeconds")
            spec = {key: step[key] for key in copied if key in step}
            spec |= {"restartPolicy": "Never", "containers": [{"name": "main"} | step["container"]]}
            spec |= {"securityContext": workflow["spec"]["securityContext"]} | json.loads(step.get("podSpecPatch", "{}"))
            yield {"metadata": {"name": step["name"]} | step["metadata"], "spec": spec}


def test_a_compiled_workflow_and_its_pods_are_accepted(workflow, lint, cluster):
    assert lint(workflow) == ""
    assert [cluster.dry_run(pod) for pod in pods(workflow)] == [""] * 13


# What is wrong -> (change that breaks a workflow, part of the message: one of several, separated by "|").
REFUSED_BY_LINT = {
    "a cycle": (lambda w: task(w, "csvexamplegen").update(dependencies=["pusher"]), "cycle"),
    "two tasks of one name": (
        lambda w: template(w, w["spec"]["entrypoint"])["dag"]["tasks"].append(task(w, "pusher")), "sorting failed|not unique",
    ),
    "an undefined template": (lambda w: task(w, "pusher").update(template="pushed"), "template name 'pushed' undefined"),
    "a parameter that the task does not give": (lambda w: task(w, "pusher").pop("arguments"), "parameter"),
    "a parameter that the workflow does not have": (lambda w: w["spec"].pop("arguments"), "parameter"),
    "an unknown field": (lambda w: template(w, "pusher").update(retries=3), "unknown field"),
    "a wrong quantity": (lambda w: container(w).update(resources={"limits": {"cpu": "many"}}), "quantit"),
    "a number instead of a text": (lambda w: container(w).update(env=[{"name": "A", "value": 3}]), "number"),
    "an unknown retry policy": (lambda w: template(w, "pusher")["retryStrategy"].update(retryPolicy="Sometimes"), "Sometimes"),
    "an unknown kind of object": (lambda w: w.update(kind="Workflo"), "nothing to lint"),
}  # fmt: skip


@pytest.mark.parametrize("defect", REFUSED_BY_LINT)
def test_lint_refuses(defect, broken, lint):
    change, expected = REFUSED_BY_LINT[defect]
    change(broken)
    message = lint(broken)
    assert message, "lint accepted the workflow"
    assert any(text in message for text in expected.split("|")), message


# What is wrong -> (change that breaks a workflow, part of the message).
REFUSED_BY_THE_API_SERVER = {
    "a mount of no volume": (lambda w: container(w).update(volumeMounts=[{"name": "disk", "mountPath": "/x"}]), '"disk"'),
    "an unknown field": (lambda w: container(w).update(imagee="x"), "unknown field"),
    "a limit below the request": (
        lambda w: container(w).update(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}),
        "must be less than or equal to cpu limit",
    ),
    "half a GPU": (lambda w: container(w)["resources"]["limits"].update({"nvidia.com/gpu": "0.5"}), "must be an integer"),
    "a wrong secret name": (lambda w: container(w).update(envFrom=[{"secretRef": {"name": "A_b"}}]), "lowercase RFC 1123"),
    "a wrong effect": (
        lambda w: template(w, "trainer").update(tolerations=[{"key": "a", "effect": "Never"}]), "Unsupported value",
    ),
    "a wrong label": (lambda w: template(w, "trainer").update(nodeSelector={"pool": "a b"}), "a valid label must be"),
    "no image": (lambda w: container(w).pop("image"), "image: Required value"),
    "a negative time limit": (lambda w: template(w, "trainer").update(activeDeadlineSeconds=-1), "must be between 1"),
}  # fmt: skip


@pytest.mark.parametrize("defect", REFUSED_BY_THE_API_SERVER)
def test_the_api_server_refuses(defect, broken, cluster):
    change, expected = REFUSED_BY_THE_API_SERVER[defect]
    change(broken)
    message = next(filter(None, map(cluster.dry_run, pods(broken))), "")
    assert expected in message, message
