"""Fixtures of the orchestrator tests: one cluster per session, and a check that no test module leaves a process behind."""

import os
import signal
import subprocess
import time
import uuid
from pathlib import Path

import pytest
import yaml

from tests.orchestrators import processes
from tests.orchestrators.kubernetes.server import existing, local, tools
from tests.support import cli
from tests.support.warm import WARM

# Time that the processes of a module have to end after its last test.
_LEAVING_SECONDS = 15


@pytest.fixture(scope="session", autouse=True)
def sigterm_acts_like_ctrl_c():
    """Makes SIGTERM, with which a CI ends a job, run all teardown code as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session", autouse=True)
def warm_process():
    """Starts the process that forks commands before any module sets its mark, because it outlives the modules."""
    WARM.start()


@pytest.fixture(scope="module", autouse=True)
def no_process_left(warm_process):
    """Checks that no process of a module outlives it, and so no port stays in use. The `cluster` fixture checks its own."""
    mark = uuid.uuid4().hex
    os.environ[processes.MODULE] = mark
    yield
    del os.environ[processes.MODULE]
    deadline = time.monotonic() + _LEAVING_SECONDS
    while left := [p for p in processes.marked(processes.MODULE, mark) if not processes.has(p, processes.SERVER)]:
        assert time.monotonic() < deadline, [Path(f"/proc/{process}/cmdline").read_text() for process in left]
        time.sleep(0.1)


@pytest.fixture(scope="session")
def programs(pytestconfig):
    """The programs of a cluster: etcd, the API server, Argo's controller and Argo's command line. Builds them if necessary."""
    screen = pytestconfig.pluginmanager.getplugin("capturemanager")

    def show(text):
        with screen.global_and_fixture_disabled():
            print(f"\n{text}", flush=True)

    try:
        return tools.built(show)
    except tools.MissingToolError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def cluster(request, tmp_path_factory):
    """A Cluster: the existing one that E2E_KUBECONFIG names, otherwise a new one on this machine."""
    if os.environ.get(existing.KUBECONFIG):
        yield existing.cluster(os.environ)
        return
    with local.up(request.getfixturevalue("programs"), tmp_path_factory.mktemp("kubernetes")) as installation:
        yield installation.cluster
    assert local.left_of(installation) == []


@pytest.fixture(scope="session")
def compiled(cluster, tmp_path_factory):
    """Returns a function that compiles the taxi pipeline for the cluster: (settings, text of a settings file) -> workflow."""

    def call(*settings, text=""):
        folder = tmp_path_factory.mktemp("compiled")
        (folder / "settings.toml").write_text(text)
        all_settings = [f"kubeflow.image={cluster.image}", f"kubeflow.volume.claim={cluster.claim}",
                        f"kubeflow.volume.path={cluster.volume}", "kubeflow.backoff_seconds=1", *settings]  # fmt: skip
        done = subprocess.run(
            cli.command(
                "compile", "kubeflow", "--out", folder / "workflow.yaml", "--config", folder / "settings.toml",
                *(part for setting in all_settings for part in ("--set", setting)),
            ),
            cwd=cluster.code, env=cli.environment(cluster.code), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return yaml.safe_load((folder / "workflow.yaml").read_text())

    return call
