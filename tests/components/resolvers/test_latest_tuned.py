"""Which hyper-parameters a run without a search uses. The tests run a real pipeline of two nodes."""

import json

import pytest
from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration import metadata, pipeline
from tfx.orchestration.local.local_dag_runner import LocalDagRunner
from tfx.types import Channel, standard_artifacts

from components.resolvers.latest_tuned import LatestTunedStrategy
from pipeline import node_ids

HyperParameters = standard_artifacts.HyperParameters


@component
def Search(custom_config: Parameter[str], found: Parameter[str], best: OutputArtifact[HyperParameters]):
    """Plays the Tuner: its artifact carries the text `found`."""
    best.set_string_custom_property("found", found)


@pytest.fixture
def run(tmp_path):
    """Returns a function that runs nodes in one pipeline, with the cache of TFX."""

    def run_nodes(*components):
        LocalDagRunner().run(
            pipeline.Pipeline(
                pipeline_name="toy.fruit",
                pipeline_root=str(tmp_path / "artifacts"),
                components=list(components),
                enable_cache=True,
                metadata_connection_config=metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite")),
            )
        )

    return run_nodes


@pytest.fixture
def resolved(run, tmp_path):
    """Returns a function: name of a model -> the texts of the artifacts that LatestTuned resolves."""

    def resolve(model, dataset="toy.fruit"):
        latest = Resolver(
            strategy_class=LatestTunedStrategy,
            config={"dataset": dataset, "model": model},
            hyperparameters=Channel(type=HyperParameters),
        )
        run(latest.with_id(node_ids.LATEST_TUNED))
        with metadata.Metadata(metadata.sqlite_metadata_connection_config(str(tmp_path / "metadata.sqlite"))) as handle:
            last = max(handle.store.get_executions_by_type("tfx.dsl.components.common.resolver.Resolver"), key=lambda e: e.id)
            events = handle.store.get_events_by_execution_ids([last.id])
            artifacts = handle.store.get_artifacts_by_id([event.artifact_id for event in events])
        return [a.custom_properties["found"].string_value for a in artifacts]

    return resolve


def config(**values):
    return json.dumps({"dataset": "toy.fruit", "settings": {"steps": 3}, **values})


def test_a_model_gets_the_result_of_its_last_search(run, resolved):
    assert resolved("a") == []
    run(Search(custom_config=config(model="a"), found="first"))
    run(Search(custom_config=config(model="b"), found="other"))
    assert resolved("a") == ["first"]
    assert resolved("b") == ["other"]
    assert resolved("c") == []
    assert resolved("a", dataset="toy.species") == []
    run(Search(custom_config=config(model="a", trials=5), found="second"))
    assert resolved("a") == ["second"]
    run(Search(custom_config=config(model="a"), found="first"))  # from the cache: the same artifact as the first time
    assert resolved("a") == ["first"]
