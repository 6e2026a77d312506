"""Argo runs compiled workflows of the taxi dataset to a pushed model, to a refusal, or to a failure that names its cause."""

import json
import os
import posixpath

import pytest

from data import metric_names
from pipeline import node_ids
from tests.orchestrators import databases, processes
from tests.orchestrators.kubernetes.server import existing
from tests.support import cli

pytestmark = pytest.mark.e2e

# Time limit of a workflow: it runs a dozen pods, most one after another, and each imports TensorFlow and TFX.
SECONDS = 900
POD_SECONDS = 120  # time limit of what one pod does
ADVICE = "can be reached from here"


@pytest.fixture(scope="module")
def output(cluster):
    return cluster.volume / "taxi"


def record_of(output):
    """Returns the record of the newest run in an output folder."""
    return json.loads((output / "run.json").read_text())


@pytest.fixture(scope="module")
def first(cluster, compiled, output):
    """The first workflow. It is compiled for 100 steps and started with 3,000. Its Trainer is killed on the way.

    Returns its name, its status and its record.
    """
    workflow = compiled("train.steps=100", "train.checkpoint_steps=100")
    name = cluster.submit(workflow, train_steps="3000")
    cluster.wait_until(lambda: list(output.glob("checkpoints/*/model.ckpt-[1-9]*.index")), SECONDS, "a checkpoint")
    [trainer] = cluster.tries(name, "trainer")
    cluster.kill(cluster.pod(trainer))
    return name, cluster.wait(name, SECONDS), record_of(output)


def test_the_first_workflow_pushes_a_model(first, output):
    name, status, record = first
    assert status["phase"] == "Succeeded", status["message"]
    assert (record["status"], record["exit_code"], record["run_id"], record["baseline"]) == ("pushed", 0, name, None)
    assert {node["state"] for node in record["nodes"]} == {"done"}
    assert record["rows"] == {"train": 10_496, "eval": 4_506}
    assert record["metrics"][metric_names.AUC] > 0.8
    assert record["pushed_path"] == f"{output}/serving/{cli.served_versions(output)[0]}"
    assert (output / "serving" / cli.served_versions(output)[0] / "saved_model.pb").exists()


def test_metadata_is_stored_in_the_server_that_the_config_map_names(first, output):
    assert not (output / "metadata.sqlite").exists()


def test_a_workflow_parameter_overrides_the_compiled_value(first):
    assert first[2]["train"]["steps"] == 3000


def test_a_killed_pod_is_tried_again_and_continues_from_its_checkpoint(first, cluster):
    name, _, record = first
    killed, again = cluster.tries(name, "trainer")
    assert (again["phase"], again["outputs"]["exitCode"]) == ("Succeeded", "0")
    # On an existing cluster the pod is deleted instead of killed, which Argo reports as an error.
    assert (killed["phase"], killed.get("outputs", {}).get("exitCode")) in (("Failed", "137"), ("Error", None))
    assert 100 <= record["train"]["resumed_from"] < 3000
    assert f"step {record['train']['resumed_from']:,}" in cluster.log(cluster.pod(again))
    assert len(cluster.tries(name, "transform")) == 1


def test_a_worse_model_is_refused_and_the_workflow_succeeds(first, cluster, compiled, output):
    before = cli.served_versions(output)
    name = cluster.submit(compiled("train.steps=10", "hyperparameters.learning_rate=0.0001"))
    status, record = cluster.wait(name, SECONDS), record_of(output)
    assert status["phase"] == "Succeeded", status["message"]
    assert (record["run_id"], record["status"], record["exit_code"], record["blessed"]) == (name, "refused", 3, False)
    assert record["baseline"]["run_id"] == first[0]
    assert cli.served_versions(output) == before
    states = {node["id"]: node["state"] for node in record["nodes"]}
    assert (states[node_ids.TRANSFORM], states[node_ids.EVALUATOR], states[node_ids.PUSHER]) == ("cached", "done", "skipped")
    [log] = cluster.logs(name, "evaluator")
    assert "Refused." in log and record["why"] in log and "auc overall" in log
    [log] = cluster.logs(name, "pusher")
    assert "Pusher: skipped" in log
    [log] = cluster.logs(name, "end")
    assert f"Refused. {record['why']}" in log


def test_a_missing_secret_fails_the_step_at_once_and_is_named(cluster, compiled):
    settings = '[kubeflow]\nsecrets = ["place-of-mlmd/MLMD_HOST"]\n[kubeflow.all]\nretries = 1\n'
    name = cluster.submit(compiled(text=settings))
    assert cluster.wait(name, SECONDS)["phase"] == "Failed"
    [log] = cluster.logs(name, "csvexamplegen")  # one try only: the Secret would be missing again
    assert "there is no Secret 'place-of-mlmd' in the namespace of this run" in log
    assert "kubectl create secret generic place-of-mlmd --from-literal=MLMD_HOST=" in log
    assert "Traceback" not in log


def test_an_unreachable_metadata_server_is_tried_again_and_explained(cluster, compiled):
    secret = {"metadata": {"name": "place-of-mlmd"}, "stringData": {"MLMD_HOST": "127.0.0.1", "MLMD_PORT": "9"}}
    settings = '[kubeflow]\nsecrets = ["place-of-mlmd/MLMD_HOST", "place-of-mlmd/MLMD_PORT"]\n[kubeflow.all]\nretries = 1\n'
    cluster.core.create_namespaced_secret(cluster.namespace, secret)
    try:
        name = cluster.submit(compiled("metadata.uri=grpc://$MLMD_HOST:$MLMD_PORT", "run.retry_seconds=0.1", text=settings))
        assert cluster.wait(name, SECONDS)["phase"] == "Failed"
    finally:
        cluster.core.delete_namespaced_secret("place-of-mlmd", cluster.namespace)
    logs = cluster.logs(name, "csvexamplegen")
    assert len(logs) == 2, "retries = 1"
    for log in logs:
        assert "The metadata server grpc://127.0.0.1:9 cannot be used" in log and ADVICE in log
        assert "Traceback" not in log


def test_the_password_of_a_database_comes_from_a_secret(cluster, compiled):
    if os.environ.get(existing.KUBECONFIG):
        pytest.skip("The pods of an existing cluster cannot reach a database on the loopback of this machine.")
    with databases.or_skip(databases.mysql(processes.free_port())) as uri:
        secret = {"metadata": {"name": "mlmd-login"}, "stringData": {"METADATA_PASSWORD": databases.PASSWORD}}
        cluster.core.create_namespaced_secret(cluster.namespace, secret)
        output = cluster.volume / "in-a-database"
        settings = '[kubeflow]\nsecrets = ["mlmd-login/METADATA_PASSWORD"]\n'
        workflow = compiled(f"metadata.uri={uri}", f"output_dir={output}", text=settings)
        assert databases.PASSWORD not in json.dumps(workflow)
        name = cluster.submit(workflow)
        try:
            cluster.wait_until(lambda: state(output, node_ids.STATISTICS_GEN) == "done", SECONDS, "the second node")
        finally:
            cluster.delete(name, POD_SECONDS)
    assert not (output / "metadata.sqlite").exists()


def state(output, node):
    """Returns the state of a node in the record, or None if the record does not list it."""
    record = record_of(output) if (output / "run.json").exists() else {"nodes": []}
    return next((n["state"] for n in record["nodes"] if n["id"] == node), None)


def test_a_missing_image_is_named(cluster, compiled):
    name = cluster.submit(compiled(f"kubeflow.image={posixpath.dirname(cluster.image)}/no-such-image:1"))
    cluster.wait_until(lambda: "no-such-image" in messages(cluster, name), POD_SECONDS, "the missing image")
    cluster.delete(name, POD_SECONDS)


def test_a_step_with_other_code_than_compiled_refuses_and_is_not_tried_again(cluster, compiled):
    workflow = compiled()
    for template in workflow["spec"]["templates"]:
        if "container" in template:
            args = template["container"]["args"]
            index = args.index("--pipeline") + 1
            args[index] = json.dumps(json.loads(args[index]) | {"code": "0" * 16})
    name = cluster.submit(workflow)
    assert cluster.wait(name, SECONDS)["phase"] == "Failed"
    [attempt] = cluster.tries(name, "schemagen")
    assert attempt["outputs"]["exitCode"] == "2"
    assert "differs from the code that this pipeline was compiled from (0000000000000000)" in cluster.log(cluster.pod(attempt))


def test_a_time_limit_ends_a_try(cluster, compiled):
    output = cluster.volume / "limited"
    settings = ("kubeflow.steps.CsvExampleGen.seconds=2", "kubeflow.all.retries=0", f"output_dir={output}")
    name = cluster.submit(compiled(*settings))
    assert cluster.wait(name, SECONDS)["phase"] == "Failed"
    [attempt] = cluster.tries(name, "csvexamplegen")
    assert "deadline" in attempt["message"]
    assert record_of(output)["status"] in ("interrupted", "failed"), "SIGTERM may arrive before the step handles it"


def test_a_pod_that_is_killed_in_its_last_try_is_recorded_as_failed(cluster, compiled):
    output = cluster.volume / "killed"
    name = cluster.submit(compiled("kubeflow.all.retries=0", f"output_dir={output}"))
    [attempt] = cluster.wait_until(lambda: running(cluster, name, "csvexamplegen"), POD_SECONDS, "a pod that runs")
    cluster.kill(cluster.pod(attempt))
    assert cluster.wait(name, SECONDS)["phase"] == "Failed"
    record = record_of(output)
    assert (record["run_id"], record["status"], record["exit_code"]) == (name, "failed", 1)
    assert "Node CsvExampleGen failed: it never ran, or was killed" in record["why"]


def running(cluster, name, template):
    """Returns the running tries of a step."""
    return [node for node in cluster.tries(name, template) if node["phase"] == "Running"]


def messages(cluster, name):
    """Returns the messages of all nodes of a workflow in one text."""
    return "\n".join(node.get("message", "") for node in cluster.status(name)["nodes"].values())
