"""Five ways to run one configuration with one seed give the same result.

The configuration is the smallest real one: 6,000 taxi trips, the default model, 300 steps.
"""

import contextlib
import json
import os
import shutil
import time
from pathlib import Path

import pytest

from data import metric_names
from pipeline import node_ids
from tests.orchestrators import mlmd_server, parity
from tests.orchestrators.airflow.installation import Airflow
from tests.orchestrators.kubeflow_v2 import interpreter
from tests.orchestrators.kubeflow_v2.store import Store
from tests.orchestrators.kubernetes.server import existing
from tests.support import cli, samples
from tests.support.dags import BEFORE_TRAINER

pytestmark = pytest.mark.e2e

ROWS, STEPS = 6_000, 300
DATE = "2026-01-31"
# Absolute tolerance of metrics from the same transformed examples: only the last bits of sums differ.
EXACT = 1e-6
# Absolute tolerance of each metric from raw data: Beam guarantees the rows but not their order, and a training on the same
# rows in another order ends with other weights.
RAW = {
    metric_names.AUC: 0.002,
    metric_names.AUC_PRECISION_RECALL: 0.005,
    metric_names.ACCURACY_SKILL: 0.02,
    metric_names.BINARY_ACCURACY: 0.005,
}

_SECONDS = 900


class Place:
    """Where a run reads and writes.

    Attributes:
        output: output folder of the run.
        data: CSV file of the run.
        uri: of MLMD, in the form of `metadata.uri`.
    """

    def __init__(self, folder, uri):
        self.output, self.data, self.uri = folder / "taxi", folder / "taxi.csv", uri

    @property
    def settings(self):
        """Returns the settings that all runs share."""
        settings = (f"train.steps={STEPS}", f"data.path={self.data}", f"output_dir={self.output}")
        return (*settings, f"metadata.uri={self.uri}") if self.uri else settings

    def record(self):
        """Returns the record of the newest run."""
        return json.loads((self.output / "run.json").read_text())

    def folder(self, node, key):
        """Returns the folder of an output artifact of the newest run."""
        return Path(parity.artifacts(self.uri, self.record()["run_id"])[node, key].uri)


def sets(*settings):
    """Returns the command-line arguments that set the settings."""
    return [part for setting in settings for part in ("--set", setting)]


def local(place, request, *arguments):
    """Runs the pipeline. Returns a function, as all runners here do: (node, output key) -> folder of the artifact."""
    done = cli.call("run", *sets(*place.settings), *arguments)
    assert done.code == 0, done.err
    return place.folder


def beam(place, request):
    return local(place, request, "--runner", "beam")


def kubeflow(place, request):
    if os.environ.get(existing.KUBECONFIG):
        pytest.skip("The pods of an existing cluster do not see MLMD on the loopback of this machine.")
    cluster, compiled = (request.getfixturevalue(name) for name in ("cluster", "compiled"))
    status = cluster.wait(cluster.submit(compiled(*place.settings)), _SECONDS)
    assert status["phase"] == "Succeeded", status["message"]
    return place.folder


def airflow(place, request):
    installed = request.getfixturevalue("installed")
    installed.compile(*place.settings, "airflow.dag_id=taxi", name="taxi.py")
    installed("dags", "test", "taxi", DATE)
    return place.folder


def kubeflow_v2(place, request):
    """Kubeflow 2 stores metadata itself, so its cache gets what MLMD records about the nodes before the Trainer."""
    volume = place.output.parent
    out = request.getfixturevalue("tmp_path") / "pipeline.yaml"
    settings = [setting for setting in place.settings if not setting.startswith("metadata.")]
    settings += ["kubeflow.image=registry/estimator-pipeline:1", "kubeflow.volume.claim=any", f"kubeflow.volume.path={volume}"]
    done = cli.call("compile", "kubeflow_v2", "--out", out, *sets(*settings))
    assert done.code == 0, done.err
    store = Store(volume / "artifacts.json")
    pipeline = interpreter.Interpreter(interpreter.load(out)[0], volume / "runs", store, cli.environment(), cli.ROOT)
    cached = {}
    if (place.output / "run.json").exists():
        for (node, key), artifact in parity.artifacts(place.uri, place.record()["run_id"]).items():
            if node in BEFORE_TRAINER:
                cached.setdefault(node, {})[key] = (artifact.uri, parity.metadata_of(artifact))
    run = pipeline.run("parity", cached)
    assert "failed" not in run.states.values(), {n: run.logs[n].read_text() for n, s in run.states.items() if s == "failed"}
    assert run.states[node_ids.PUSHER] == interpreter.SUCCEEDED

    def folder(node, key):
        return Path(cached[node][key][0]) if node in cached else volume / "runs" / "parity" / node / key

    return folder


RUNNERS = {"beam": beam, "kubeflow": kubeflow, "kubeflow_v2": kubeflow_v2, "airflow": airflow}
every_other_runner = pytest.mark.parametrize("runner", RUNNERS)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    home = tmp_path_factory.mktemp("airflow") / "home"
    airflow = Airflow(home, f"sqlite:///{home}/airflow.db", None)
    yield airflow
    airflow.close()


@pytest.fixture(scope="module")
def table(pytestconfig):
    """A list of (examples, runner, seconds, metrics). Printed when all tests have run, one column per run."""
    lines = []
    yield lines
    screen = pytestconfig.pluginmanager.getplugin("capturemanager")
    with screen.global_and_fixture_disabled():
        for examples in ("raw", "shared"):
            columns = [line for line in lines if line[0] == examples]
            print(f"\n{f'from {examples} examples':24}", *(f"{runner:>14}" for _, runner, *_ in columns))
            print(f"{'seconds':24}", *(f"{seconds:14.0f}" for *_, seconds, _ in columns))
            for name in sorted({name for *_, metrics in columns for name in metrics}):
                print(f"{name:24}", *(f"{metrics[name]:14.8f}" for *_, metrics in columns))


def run_with(runner, examples, place, request, table):
    """Runs the pipeline with a runner, adds the run to the table, and returns its RunOutputs."""
    began = time.monotonic()
    outputs = parity.outputs(runner(place, request))
    table.append((examples, runner.__name__, time.monotonic() - began, outputs.metrics))
    return outputs


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return samples.first_rows("taxi", tmp_path_factory.mktemp("data") / "taxi.csv", ROWS)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with mlmd_server.running(f"sqlite://{tmp_path_factory.mktemp('mlmd')}/metadata.sqlite") as uri:
        yield uri


def create_place(folder, sample, uri):
    """Creates the folder of a run and copies the sample into it. Returns its Place."""
    folder.mkdir(exist_ok=True)
    place = Place(folder, uri)
    shutil.copy(sample, place.data)
    return place


@pytest.fixture(scope="module")
def volume(request, tmp_path_factory):
    """A folder for the runs. The cluster's volume if a selected test runs pods and this machine can start a cluster."""
    if any(item.name.endswith("[kubeflow]") for item in request.session.items):
        with contextlib.suppress(pytest.skip.Exception):
            return request.getfixturevalue("cluster").volume
    return tmp_path_factory.mktemp("volume")


@pytest.fixture(scope="module")
def local_from_raw(volume, sample, server, request, table):
    """The RunOutputs of a local run from raw data."""
    return run_with(local, "raw", create_place(volume / "raw-local", sample, server), request, table)


@every_other_runner
def test_from_raw_data(runner, local_from_raw, volume, sample, server, request, table):
    outputs = run_with(RUNNERS[runner], "raw", create_place(volume / f"raw-{runner}", sample, server), request, table)
    assert outputs.splits == local_from_raw.splits
    assert outputs.schemas == local_from_raw.schemas
    assert outputs.vocabularies == local_from_raw.vocabularies
    assert outputs.signatures == local_from_raw.signatures
    for name, tolerance in RAW.items():
        assert outputs.metrics[name] == pytest.approx(local_from_raw.metrics[name], abs=tolerance), name


class Shared:
    """The output folder and MLMD database of a run that ended with Transform. Every run starts from a fresh copy of them."""

    def __init__(self, folder, sample):
        self.folder, self._kept = folder / "shared", folder / "kept"
        with mlmd_server.running(self._database) as uri:
            place = create_place(self.folder, sample, uri)
            done = cli.call("run", *sets(*place.settings), "--to", node_ids.TRANSFORM)
            assert done.code == 0, done.err
        shutil.copytree(self.folder, self._kept)

    @property
    def _database(self):
        return f"sqlite://{self.folder}/served.sqlite"

    def run(self, runner, request, table):
        """Runs the pipeline from Transform's outputs. Returns its RunOutputs."""
        shutil.rmtree(self.folder)
        shutil.copytree(self._kept, self.folder)
        with mlmd_server.running(self._database) as uri:
            return run_with(runner, "shared", Place(self.folder, uri), request, table)


@pytest.fixture(scope="module")
def shared(volume, sample):
    (volume / "shared").mkdir()
    return Shared(volume, sample)


@pytest.fixture(scope="module")
def local_from_shared(shared, request, table):
    """The RunOutputs of a local run from the shared transformed examples."""
    return shared.run(local, request, table)


@every_other_runner
def test_from_the_same_transformed_examples(runner, local_from_shared, shared, request, table):
    outputs = shared.run(RUNNERS[runner], request, table)
    assert outputs.signatures == local_from_shared.signatures
    assert outputs.metrics == pytest.approx(local_from_shared.metrics, abs=EXACT)
