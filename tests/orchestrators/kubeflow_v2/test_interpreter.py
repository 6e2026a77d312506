"""The interpreter runs an importer as the service does. Our own pipeline has none, so no other test covers it."""

import json

import pytest
from tfx.dsl.components.common.importer import Importer
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_artifact_strategy import LatestArtifactStrategy
from tfx.orchestration import data_types, pipeline
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
from tfx.types import Channel, standard_artifacts

from tests.orchestrators.kubeflow_v2 import interpreter
from tests.orchestrators.kubeflow_v2.store import Store


@pytest.fixture
def imported(tmp_path):
    """Returns a function: (uri, reimport or not, parameters) -> artifacts in the store after a run."""

    def run(uri, *, reimport=False, **parameters):
        importer = Importer(
            source_uri=uri, artifact_type=standard_artifacts.Schema, reimport=reimport, custom_properties={"origin": "reviewed"}
        ).with_id("Reviewed")
        latest = Resolver(strategy_class=LatestArtifactStrategy, schema=Channel(type=standard_artifacts.Schema)).with_id(
            "Latest"
        )
        latest.add_upstream_node(importer)
        config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(default_image="any", use_pipeline_spec_2_1=True)
        imports = pipeline.Pipeline("imports", str(tmp_path), components=[importer, latest])
        job = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config).run(imports, parameter_values=parameters, write_out=False)
        spec = json.loads(json.dumps(job["pipelineSpec"]))
        store = Store(tmp_path / "artifacts.json")
        finished = interpreter.Interpreter(spec, tmp_path, store, {}, tmp_path).run("run", **parameters)
        assert set(finished.states.values()) == {interpreter.SUCCEEDED}
        return store.artifacts

    return run


def test_an_imported_artifact_has_its_type_and_properties(imported):
    [artifact] = imported("/data/schema")
    assert (artifact["uri"], artifact["metadata"]) == ("/data/schema", {"origin": "reviewed"})
    assert "tfx.Schema" in artifact["type"]["instanceSchema"]


def test_a_uri_is_imported_once_unless_reimport_is_set(imported):
    imported("/data/schema")
    assert len(imported("/data/schema")) == 1
    assert len(imported("/data/schema", reimport=True)) == 2
    assert [a["uri"] for a in imported("/data/another")] == ["/data/schema", "/data/schema", "/data/another"]


def test_a_runtime_parameter_may_hold_the_uri(imported):
    place = data_types.RuntimeParameter(name="place", ptype=str)
    [artifact] = imported(place, place="/data/given")
    assert artifact["uri"] == "/data/given"
