"""One configuration, one seed, five ways to run it, one result.

The smallest real configuration: some thousand taxi trips, the default model, a few hundred steps.
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
from tests.orchestrators.airflow import rig
from tests.orchestrators.kubeflow_v2 import interpreter
from tests.orchestrators.kubernetes import existing
from tests.support import cli, samples
from tests.support.dags import BEFORE_TRAINER

pytestmark = pytest.mark.e2e

ROWS, STEPS = 6_000, 300
DATE = "2026-01-31"
# From the same transformed examples: not the last bits of a sum.
EXACT = 1e-6
# From raw data, of which Beam promises the rows, not their order: in another order a training ends elsewhere.
RAW = {
    metric_names.AUC: 0.002,
    metric_names.AUC_PRECISION_RECALL: 0.005,
    metric_names.ACCURACY_SKILL: 0.02,
    metric_names.BINARY_ACCURACY: 0.005,
}

_SECONDS = 900


class Place:
    """Where the runs of a test go: the output folder, the data, MLMD."""

    def __init__(self, folder, uri):
        self.output, self.data, self.uri = folder / "taxi", folder / "taxi.csv", uri

    @property
    def settings(self):
        """What all of the runs are told."""
        given = (f"train.steps={STEPS}", f"data.path={self.data}", f"output_dir={self.output}")
        return (*given, f"metadata.uri={self.uri}") if self.uri else given

    def record(self):
        return json.loads((self.output / "run.json").read_text())

    def folder(self, node, key):
        """Returns the folder of an artifact of the newest run."""
        return Path(parity.recorded(self.uri, self.record()["run_id"])[node, key].uri)


def sets(*settings):
    return [part for setting in settings for part in ("--set", setting)]


def local(place, request, *more):
    done = cli.call("run", *sets(*place.settings), *more)
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
    """Kubeflow 2 keeps metadata itself; what MLMD knows of the nodes before the Trainer, its cache knows."""
    volume = place.output.parent
    out = request.getfixturevalue("tmp_path") / "pipeline.yaml"
    given = [setting for setting in place.settings if not setting.startswith("metadata.")]
    given += ["kubeflow.image=registry/estimator-pipeline:1", "kubeflow.volume.claim=any", f"kubeflow.volume.path={volume}"]
    done = cli.call("compile", "kubeflow_v2", "--out", out, *sets(*given))
    assert done.code == 0, done.err
    store = interpreter.Store(volume / "artifacts.json")
    run = interpreter.Interpreter(interpreter.load(out)[0], volume / "runs", store, cli.environment(), cli.ROOT)
    cached = {}
    if (place.output / "run.json").exists():
        for (node, key), artifact in parity.recorded(place.uri, place.record()["run_id"]).items():
            if node in BEFORE_TRAINER:
                cached.setdefault(node, {})[key] = (artifact.uri, parity.metadata_of(artifact))
    ended = run.run("parity", cached)
    assert "failed" not in ended.states.values(), {
        n: ended.logs[n].read_text() for n, s in ended.states.items() if s == "failed"
    }
    assert ended.states[node_ids.PUSHER] == interpreter.SUCCEEDED

    def folder(node, key):
        return Path(cached[node][key][0]) if node in cached else volume / "runs" / "parity" / node / key

    return folder


RUNNERS = {"beam": beam, "kubeflow": kubeflow, "kubeflow_v2": kubeflow_v2, "airflow": airflow}
others = pytest.mark.parametrize("runner", RUNNERS)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    home = tmp_path_factory.mktemp("airflow") / "home"
    made = rig.Airflow(home, f"sqlite:///{home}/airflow.db", None)
    yield made
    made.close()


@pytest.fixture(scope="module")
def table(pytestconfig):
    """A list of (examples, runner, seconds, metrics), printed when all have run: a column each."""
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


def ran(runner, examples, place, request, table):
    """Runs, adds a line to the table, and returns what was made."""
    began = time.monotonic()
    made = parity.made(runner(place, request))
    table.append((examples, runner.__name__, time.monotonic() - began, made.metrics))
    return made


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return samples.first_rows("taxi", tmp_path_factory.mktemp("data") / "taxi.csv", ROWS)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with mlmd_server.running(f"sqlite://{tmp_path_factory.mktemp('mlmd')}/metadata.sqlite") as uri:
        yield uri


def place_of(folder, sample, uri):
    folder.mkdir(exist_ok=True)
    place = Place(folder, uri)
    shutil.copy(sample, place.data)
    return place


@pytest.fixture(scope="module")
def volume(request, tmp_path_factory):
    """A folder that pods see too, if any test is to have them and this machine can."""
    if any(item.name.endswith("[kubeflow]") for item in request.session.items):
        with contextlib.suppress(pytest.skip.Exception):
            return request.getfixturevalue("cluster").volume
    return tmp_path_factory.mktemp("volume")


@pytest.fixture(scope="module")
def from_raw(volume, sample, server, request, table):
    """What a local run makes of raw data."""
    return ran(local, "raw", place_of(volume / "raw-local", sample, server), request, table)


@others
def test_from_raw_data(runner, from_raw, volume, sample, server, request, table):
    made = ran(RUNNERS[runner], "raw", place_of(volume / f"raw-{runner}", sample, server), request, table)
    assert made.splits == from_raw.splits
    assert made.schemas == from_raw.schemas
    assert made.vocabularies == from_raw.vocabularies
    assert made.signatures == from_raw.signatures
    for name, tolerance in RAW.items():
        assert made.metrics[name] == pytest.approx(from_raw.metrics[name], abs=tolerance), name


class Shared:
    """A folder with all that a run leaves up to the transformed examples, made again for every run: MLMD's answers too."""

    def __init__(self, folder, sample):
        self.folder, self._kept = folder / "shared", folder / "kept"
        with mlmd_server.running(self._database) as uri:
            place = place_of(self.folder, sample, uri)
            done = cli.call("run", *sets(*place.settings), "--to", node_ids.TRANSFORM)
            assert done.code == 0, done.err
        shutil.copytree(self.folder, self._kept)

    @property
    def _database(self):
        return f"sqlite://{self.folder}/served.sqlite"

    def run(self, runner, request, table):
        shutil.rmtree(self.folder)
        shutil.copytree(self._kept, self.folder)
        with mlmd_server.running(self._database) as uri:
            return ran(runner, "shared", Place(self.folder, uri), request, table)


@pytest.fixture(scope="module")
def shared(volume, sample):
    (volume / "shared").mkdir()
    return Shared(volume, sample)


@pytest.fixture(scope="module")
def from_shared(shared, request, table):
    """What a local run makes of the shared examples."""
    return shared.run(local, request, table)


@others
def test_from_the_same_transformed_examples(runner, from_shared, shared, request, table):
    made = shared.run(RUNNERS[runner], request, table)
    assert made.signatures == from_shared.signatures
    assert made.metrics == pytest.approx(from_shared.metrics, abs=EXACT)
