"""What the proofs share: one cluster for a session, and that nothing is left of any of them."""

import os
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest
import yaml

from tests.orchestrators import processes
from tests.orchestrators.kubernetes import existing, local, tools
from tests.support import cli, warm

_LEAVING_SECONDS = 15


@pytest.fixture(scope="session", autouse=True)
def ended_when_asked():
    """SIGTERM, by which a CI ends a job, takes everything down as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session", autouse=True)
def warm_process():
    """The process that forks commands outlives a module: it starts before the first one, without its mark."""
    warm.start()


@pytest.fixture(scope="module", autouse=True)
def nothing_left(warm_process):
    """No process of a module outlives it, and so no port that it listens on. (The cluster looks after its own.)"""
    mark = uuid.uuid4().hex
    os.environ[processes.MODULE] = mark
    yield
    del os.environ[processes.MODULE]
    deadline = time.monotonic() + _LEAVING_SECONDS
    while left := [p for p in processes.marked(processes.MODULE, mark) if not processes.has(p, processes.RIG)]:
        assert time.monotonic() < deadline, [Path(f"/proc/{process}/cmdline").read_text() for process in left]
        time.sleep(0.1)


@pytest.fixture(scope="session")
def programs(pytestconfig):
    """etcd, the API server, Argo's controller and command line."""
    screen = pytestconfig.pluginmanager.getplugin("capturemanager")

    def say(text):
        with screen.global_and_fixture_disabled():
            print(f"\n{text}", flush=True)

    try:
        return tools.built(say)
    except tools.MissingToolError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def cluster(request, tmp_path_factory):
    """A Cluster: the one that E2E_KUBECONFIG names, or one that is built here."""
    if os.environ.get(existing.KUBECONFIG):
        yield existing.cluster(os.environ)
        return
    with local.up(request.getfixturevalue("programs"), tmp_path_factory.mktemp("kubernetes")) as rig:
        yield rig.cluster
    assert local.left_of(rig) == []


@pytest.fixture(scope="session")
def compiled(cluster, tmp_path_factory):
    """Returns a function: settings -> the workflow of the taxi dataset, compiled for the cluster."""

    def call(*settings, text=""):
        folder = tmp_path_factory.mktemp("compiled")
        (folder / "settings.toml").write_text(text)
        given = [f"kubeflow.image={cluster.image}", f"kubeflow.volume.claim={cluster.claim}",
                 f"kubeflow.volume.path={cluster.volume}", "kubeflow.backoff_seconds=1", *settings]  # fmt: skip
        done = subprocess.run(
            cli.command(
                "compile", "kubeflow", "--out", folder / "workflow.yaml", "--config", folder / "settings.toml",
                *(part for setting in given for part in ("--set", setting)),
            ),
            cwd=cluster.code, env=cli.environment(cluster.code), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return yaml.safe_load((folder / "workflow.yaml").read_text())

    return call
