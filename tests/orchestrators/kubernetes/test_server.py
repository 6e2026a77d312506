"""The cluster of the tests: its kubelet treats pods as the real one does, and it leaves no process, whatever happens."""

import os

import pytest

from tests.orchestrators import processes
from tests.orchestrators.kubernetes.server import existing, local, tools

pytestmark = pytest.mark.e2e

SECONDS = 30
THESE_PODS = {"label_selector": "of=test-server"}


@pytest.fixture
def run(cluster, request):
    """Returns a function: (fields of a container, fields of its pod) -> name of the new pod. Deletes the pods at the end."""
    if os.environ.get(existing.KUBECONFIG):
        pytest.skip("This test needs our kubelet; an existing cluster has another one.")
    names = []

    def call(container, **pod):
        name = f"{request.node.name[:40].replace('_', '-').strip('-')}-{len(names)}"
        main = {"name": "main", "image": cluster.image} | container
        spec = {"restartPolicy": "Never", "containers": [main]} | pod
        metadata = {"name": name, "labels": {"of": "test-server"}}
        cluster.core.create_namespaced_pod(cluster.namespace, {"metadata": metadata, "spec": spec})
        names.append(name)
        return name

    yield call
    cluster.core.delete_collection_namespaced_pod(cluster.namespace, **THESE_PODS, body={"gracePeriodSeconds": 0})


@pytest.fixture
def ended(cluster):
    """Returns a function: name of a pod -> its status, once the pod has ended."""

    def call(name):
        def end_status():
            status = cluster.core.read_namespaced_pod_status(name, cluster.namespace).status
            return status if status.phase in ("Succeeded", "Failed") else None

        return cluster.wait_until(end_status, SECONDS, f"the end of {name}")

    return call


def shell(script):
    """Returns the fields of a container that runs a shell script."""
    return {"command": ["sh", "-c", script]}


def test_a_pod_reports_exit_codes_and_signals(run, ended):
    codes = {0: "true", 3: "exit 3", 137: "kill -9 $$", 128: None}
    pods = {code: run(shell(script) if script else {"command": ["no-such-program"]}) for code, script in codes.items()}
    for code, pod in pods.items():
        status = ended(pod)
        assert status.container_statuses[0].state.terminated.exit_code == code
        assert status.phase == ("Failed" if code else "Succeeded")


def test_a_container_is_restarted_as_its_pod_says(cluster, run, ended):
    once = f"test -e {cluster.volume}/seen || {{ touch {cluster.volume}/seen; echo first; exit 4; }}; echo second"
    pod = run(shell(once), restartPolicy="OnFailure")
    status = ended(pod)
    assert (status.phase, status.container_statuses[0].restart_count) == ("Succeeded", 1)
    assert cluster.log(pod) == "first\nsecond\n"


def test_a_container_gets_variables_from_values_fields_secrets_and_config_maps(cluster, run, ended):
    objects = {"metadata": {"name": "colours"}}
    cluster.core.create_namespaced_secret(cluster.namespace, objects | {"stringData": {"RED": "1", "GREEN": "2"}})
    cluster.core.create_namespaced_config_map(cluster.namespace, objects | {"data": {"GREEN": "3", "BLUE": "4"}})
    try:
        pod = run(
            {
                "command": ["sh", "-c", "echo $RED $GREEN $BLUE $ONE $OTHER $POD ${NONE-unset} $0", "$(RED)-$(NOTHING)"],
                "envFrom": [
                    {"secretRef": {"name": "colours"}},
                    {"configMapRef": {"name": "colours"}},
                    {"configMapRef": {"name": "no-such", "optional": True}},
                ],
                "env": [
                    {"name": "ONE", "valueFrom": {"secretKeyRef": {"name": "colours", "key": "RED"}}},
                    {"name": "NONE", "valueFrom": {"secretKeyRef": {"name": "colours", "key": "NONE", "optional": True}}},
                    {"name": "OTHER", "value": "$(ONE)2"},
                    {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                ],
            }
        )
        ended(pod)
        assert cluster.log(pod) == f"1 3 4 1 12 {pod} unset 1-$(NOTHING)\n"
    finally:
        cluster.core.delete_namespaced_secret("colours", cluster.namespace)
        cluster.core.delete_namespaced_config_map("colours", cluster.namespace)


def test_a_deleted_pod_gets_its_grace_period(cluster, run):
    file = cluster.volume / "received-sigterm"
    pod = run(shell(f"trap 'echo received > {file}; exit 0' TERM; echo started; while true; do sleep 0.1; done"))
    stubborn = run(shell("trap '' TERM; echo started; while true; do sleep 0.1; done"))
    for name in (pod, stubborn):
        cluster.wait_until(lambda name=name: "started" in cluster.log(name), SECONDS, f"{name}'s start")
        cluster.core.delete_namespaced_pod(name, cluster.namespace, grace_period_seconds=1)
    cluster.wait_until(
        lambda: not cluster.core.list_namespaced_pod(cluster.namespace, **THESE_PODS).items, SECONDS, "their end"
    )
    assert file.read_text() == "received\n"


def test_a_pod_that_ends_before_the_kubelet_sees_its_deletion_is_removed(cluster, run, ended, monkeypatch):
    file = cluster.volume / "may-end"
    pod = run(shell(f"echo started; until test -e {file}; do sleep 0.1; done"))
    cluster.wait_until(lambda: "started" in cluster.log(pod), SECONDS, "its start")
    kubelet = cluster.log.__self__
    with monkeypatch.context() as patch:  # the kubelet ignores the event of the deletion
        patch.setattr(kubelet, "handle", lambda *_: None)
        cluster.core.delete_namespaced_pod(pod, cluster.namespace, grace_period_seconds=SECONDS)
        file.touch()
        assert ended(pod).phase == "Succeeded"
    cluster.wait_until(lambda: not cluster.core.list_namespaced_pod(cluster.namespace, **THESE_PODS).items, SECONDS, "its end")


def test_a_time_limit_ends_a_pod(run, ended):
    status = ended(run(shell("sleep 60"), activeDeadlineSeconds=1, terminationGracePeriodSeconds=1))
    assert (status.phase, status.reason) == ("Failed", "DeadlineExceeded")


def test_a_failing_test_leaves_no_process_and_no_port(programs, tmp_path):
    with pytest.raises(ZeroDivisionError), local.up(programs, tmp_path) as installation:
        container = {"name": "main", "image": local.IMAGE, **shell("sleep 60")}
        pod = {"metadata": {"name": "sleeper"}, "spec": {"containers": [container]}}
        installation.cluster.core.create_namespaced_pod(installation.cluster.namespace, pod)
        installation.cluster.wait_until(
            lambda: processes.marked(processes.CONTAINER, f"{uid(installation)}/main"), SECONDS, "the container"
        )
        assert all(processes.listens(port) for port in installation.ports)
        raise ZeroDivisionError
    assert local.left_of(installation) == []


def uid(installation):
    """Returns the uid of the pod `sleeper`."""
    return installation.cluster.core.read_namespaced_pod("sleeper", installation.cluster.namespace).metadata.uid


def test_without_go_the_error_names_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(tools.MissingToolError, match=r"`go` is not on the PATH: install Go .* E2E_KUBECONFIG"):
        tools.built(print, tmp_path)


def test_an_existing_cluster_needs_an_image_and_a_volume():
    with pytest.raises(ValueError, match="Not set: E2E_CLAIM, E2E_VOLUME"):
        existing.cluster({"E2E_KUBECONFIG": "config", "E2E_IMAGE": "image"})
