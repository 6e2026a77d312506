"""The compiled DAG: its nodes, what stands under which gate, and what no cache may answer."""

import json

import msgspec
import pytest
from tfx.dsl.compiler.compiler import Compiler

from pipeline.config import pipeline_config
from pipeline.dag import create_pipeline
from trainer_module import fingerprint
from trainer_module.tuning.settings import TuneSettings


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return pipeline_config.load(None, (), {"output_dir": str(tmp_path_factory.mktemp("out"))})


def compiled(settings):
    return {n.pipeline_node.node_info.id: n.pipeline_node for n in Compiler().compile(create_pipeline(settings)).nodes}


@pytest.fixture(scope="module")
def nodes(settings):
    return compiled(settings)


def parameter(node, name):
    return node.parameters.parameters[name].field_value.string_value


def test_all_nodes_are_always_there(nodes):
    assert set(nodes) == {
        "CsvExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "DataGate", "Transform", "Trainer",
        "LatestBlessedModel", "LatestTuned", "ChampionGate", "Evaluator", "Pusher",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("node", "conditions"),
    [("StatisticsGen", 0), ("DataGate", 0), ("Transform", 1), ("Trainer", 1), ("LatestBlessedModel", 1),
     ("ChampionGate", 1), ("Evaluator", 2), ("Pusher", 3)],
)  # fmt: skip
def test_what_follows_a_gate_is_conditional_on_it(nodes, node, conditions):
    assert len(nodes[node].inputs.conditionals) == conditions


@pytest.mark.parametrize(
    ("edited", "changed"),
    [
        ("trainer_module.transform.preprocess", {"Transform", "Trainer"}),
        ("trainer_module.models.custom_wide_deep", {"Trainer"}),
        ("trainer_module.heads.metrics", {"Trainer"}),
        ("trainer_module.heads.label_scale", {"Transform", "Trainer"}),
        ("trainer_module.serving.receiver", {"Trainer"}),
        ("trainer_module.serving.card", {"Trainer", "ChampionGate", "Evaluator", "Pusher"}),
        ("trainer_module.cluster.role", {"Trainer"}),
        ("trainer_module.cluster.hooks", {"Trainer"}),
        ("trainer_module.tuning.trial_process", {"Trainer"}),
        ("components.data_gate.logic", {"DataGate"}),
        ("components.csv_files.reader", {"CsvExampleGen"}),
        ("components.pusher.executor", {"Pusher"}),
        ("components.serving_folder", {"Pusher", "ChampionGate", "Evaluator"}),
        ("components.metrics.classification", {"Evaluator"}),
        ("components.metrics.regression", {"Evaluator"}),
        ("components.metrics.combiner", {"Evaluator"}),
    ],
)
def test_an_edit_changes_the_nodes_that_run_it_and_no_others(settings, nodes, edited, changed, monkeypatch):
    source = fingerprint._source(edited)
    read = type(source).read_bytes
    monkeypatch.setattr(type(source), "read_bytes", lambda p: read(p) + (b"# edited" if p == source else b""))
    fingerprint.code.cache_clear()
    after = compiled(settings)
    fingerprint.code.cache_clear()
    different = {n for n in nodes if nodes[n].parameters != after[n].parameters}
    assert different == changed


def test_another_model_changes_the_trainer_alone(settings, nodes):
    other = compiled(pipeline_config.load(None, (), {"output_dir": settings.output_dir, "model": "keras_wide_deep"}))
    assert {n for n in nodes if nodes[n].parameters != other[n].parameters} == {"Trainer"}


def test_how_often_to_look_and_where_to_keep_checkpoints_travel_to_the_trainer(nodes, settings):
    custom = json.loads(parameter(nodes["Trainer"], "custom_config"))
    assert custom["checkpoints"] == settings.checkpoints
    assert custom["settings"] == msgspec.to_builtins(settings.training)


def test_a_search_stands_before_the_training_and_its_result_is_an_input_of_it(settings):
    nodes = compiled(pipeline_config.load(None, ("tune.trials=3", "tune.oracle=random"), {"output_dir": settings.output_dir}))
    assert "LatestTuned" not in nodes
    assert "Tuner" in nodes["Trainer"].upstream_nodes
    custom = json.loads(parameter(nodes["Tuner"], "custom_config"))
    assert custom["tuning"] == msgspec.to_builtins(TuneSettings(trials=3, oracle="random"))
    assert custom["searches"] == f"{settings.output_dir}/tuning"


def test_without_a_search_the_newest_one_before_counts_unless_told_otherwise(settings, nodes):
    assert "LatestTuned" in nodes["Trainer"].upstream_nodes
    without = compiled(pipeline_config.load(None, ("tune.reuse=false",), {"output_dir": settings.output_dir}))
    assert not {"Tuner", "LatestTuned"} & set(without)


def test_the_latest_blessed_model_is_where_a_training_begins_only_if_asked_for(settings, nodes):
    warm = compiled(pipeline_config.load(None, ("train.warm_start=true",), {"output_dir": settings.output_dir}))
    assert "base_model" in warm["Trainer"].inputs.inputs
    assert "base_model" not in nodes["Trainer"].inputs.inputs


def test_the_reviewed_schema_travels_as_text(nodes):
    assert 'name: "fare"' in parameter(nodes["SchemaGen"], "schema_text")


def test_the_beam_runner_is_named(settings):
    [runner] = [a for a in settings.beam_args if a.startswith("--runner")]
    assert runner.endswith("FnApiRunner")
