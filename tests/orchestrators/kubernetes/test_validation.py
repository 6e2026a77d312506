"""What we compile is accepted by `argo lint` and, pod by pod, by the API server; what is broken on purpose is refused.

Neither sees everything: a mount of a volume that is not there passes the one, a wrong `when` the other.
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
    """One that has all there is."""
    return compiled(text=SETTINGS)


@pytest.fixture
def broken(workflow):
    """A copy of it, to break."""
    return copy.deepcopy(workflow)


@pytest.fixture
def lint(programs, tmp_path):
    """Returns a function: workflow -> what `argo lint` has against it, "" if nothing."""

    def call(workflow):
        file = tmp_path / "workflow.yaml"
        file.write_text(yaml.safe_dump(workflow))
        done = subprocess.run([programs["argo"], "lint", "--offline", file], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr if done.returncode else ""

    return call


def template(workflow, name):
    return next(t for t in workflow["spec"]["templates"] if t["name"] == name)


def container(workflow):
    return template(workflow, "trainer")["container"]


def task(workflow, name):
    return next(t for t in template(workflow, workflow["spec"]["entrypoint"])["dag"]["tasks"] if t["name"] == name)


def pods(workflow):
    """The pods that Argo makes of a workflow, as far as it takes them from there."""
    for made in workflow["spec"]["templates"]:
        if "container" in made:
            spec = {
                key: made[key] for key in ("volumes", "tolerations", "nodeSelector", "activeDeadlineSeconds") if key in made
            }
            spec |= {"restartPolicy": "Never", "containers": [{"name": "main"} | made["container"]]}
            spec |= {"securityContext": workflow["spec"]["securityContext"]} | json.loads(made.get("podSpecPatch", "{}"))
            yield {"metadata": {"name": made["name"]} | made["metadata"], "spec": spec}


def test_what_we_compile_is_accepted(workflow, lint, cluster):
    assert lint(workflow) == ""
    assert [cluster.dry_run(pod) for pod in pods(workflow)] == [""] * 13


LINTED = {
    "a cycle": (lambda w: task(w, "csvexamplegen").update(dependencies=["pusher"]), "cycle"),
    "a task twice": (
        lambda w: template(w, w["spec"]["entrypoint"])["dag"]["tasks"].append(task(w, "pusher")), "sorting failed|not unique",
    ),
    "no template": (lambda w: task(w, "pusher").update(template="pushed"), "template name 'pushed' undefined"),
    "a parameter that the task does not give": (lambda w: task(w, "pusher").pop("arguments"), "parameter"),
    "a parameter that the workflow has not": (lambda w: w["spec"].pop("arguments"), "parameter"),
    "an unknown field": (lambda w: template(w, "pusher").update(retries=3), "unknown field"),
    "a quantity": (lambda w: container(w).update(resources={"limits": {"cpu": "many"}}), "quantit"),
    "a number for a text": (lambda w: container(w).update(env=[{"name": "A", "value": 3}]), "number"),
    "a retry policy": (lambda w: template(w, "pusher")["retryStrategy"].update(retryPolicy="Sometimes"), "Sometimes"),
    "a kind": (lambda w: w.update(kind="Workflo"), "nothing to lint"),
}  # fmt: skip


@pytest.mark.parametrize("what", LINTED)
def test_lint_refuses(what, broken, lint):
    change, why = LINTED[what]
    change(broken)
    said = lint(broken)
    assert said, "accepted"
    assert any(word in said for word in why.split("|")), said


REFUSED = {
    "a mount of no volume": (lambda w: container(w).update(volumeMounts=[{"name": "disk", "mountPath": "/x"}]), '"disk"'),
    "an unknown field": (lambda w: container(w).update(imagee="x"), "unknown field"),
    "less than it asks for": (
        lambda w: container(w).update(resources={"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}),
        "must be less than or equal to cpu limit",
    ),
    "half a GPU": (lambda w: container(w)["resources"]["limits"].update({"nvidia.com/gpu": "0.5"}), "must be an integer"),
    "the name of a secret": (lambda w: container(w).update(envFrom=[{"secretRef": {"name": "A_b"}}]), "lowercase RFC 1123"),
    "an effect": (lambda w: template(w, "trainer").update(tolerations=[{"key": "a", "effect": "Never"}]), "Unsupported value"),
    "a label": (lambda w: template(w, "trainer").update(nodeSelector={"pool": "a b"}), "a valid label must be"),
    "no image": (lambda w: container(w).pop("image"), "image: Required value"),
    "a negative limit": (lambda w: template(w, "trainer").update(activeDeadlineSeconds=-1), "must be between 1"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_the_api_server_refuses(what, broken, cluster):
    change, why = REFUSED[what]
    change(broken)
    said = next(filter(None, map(cluster.dry_run, pods(broken))), "")
    assert why in said, said
