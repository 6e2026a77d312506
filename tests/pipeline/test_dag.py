"""The compiled DAG: its nodes, their gates, and the parameters that decide whether the cache answers."""

import importlib.util
import json
from pathlib import Path

import msgspec
import pytest
from tfx.dsl.compiler.compiler import Compiler

from pipeline import node_ids
from pipeline.config import pipeline_config
from pipeline.dag import create_pipeline
from tests.support.dags import NODES
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


def test_the_dag_always_has_all_nodes(nodes):
    assert set(nodes) == set(NODES)


@pytest.mark.parametrize(
    ("node", "conditions"),
    [
        (node_ids.STATISTICS_GEN, 0),
        (node_ids.DATA_GATE, 0),
        (node_ids.TRANSFORM, 1),
        (node_ids.TRAINER, 1),
        (node_ids.LATEST_BLESSED_MODEL, 1),
        (node_ids.CHAMPION_GATE, 1),
        (node_ids.EVALUATOR, 2),
        (node_ids.PUSHER, 3),
    ],
)
def test_a_node_after_a_gate_is_conditional_on_it(nodes, node, conditions):
    assert len(nodes[node].inputs.conditionals) == conditions


@pytest.mark.parametrize(
    ("edited", "changed"),
    [
        ("trainer_module.transform.preprocess", {node_ids.TRANSFORM, node_ids.TRAINER}),
        ("trainer_module.models.custom_wide_deep", {node_ids.TRAINER}),
        ("trainer_module.heads.metrics", {node_ids.TRAINER}),
        ("trainer_module.heads.label_scale", {node_ids.TRANSFORM, node_ids.TRAINER}),
        ("trainer_module.serving.receiver", {node_ids.TRAINER}),
        ("trainer_module.serving.card", {node_ids.TRAINER, node_ids.CHAMPION_GATE, node_ids.EVALUATOR, node_ids.PUSHER}),
        ("trainer_module.cluster.role", {node_ids.TRAINER}),
        ("trainer_module.cluster.hooks", {node_ids.TRAINER}),
        ("trainer_module.tuning.trial_process", {node_ids.TRAINER}),
        ("components.data_gate.logic", {node_ids.DATA_GATE}),
        ("components.csv_files.reader", {node_ids.CSV_EXAMPLE_GEN}),
        ("components.pusher.executor", {node_ids.PUSHER}),
        ("components.serving_folder", {node_ids.PUSHER, node_ids.CHAMPION_GATE, node_ids.EVALUATOR}),
        ("components.newer_data", {node_ids.PUSHER, node_ids.EVALUATOR}),
        ("components.pusher.logic", {node_ids.PUSHER}),
        ("components.metrics.classification", {node_ids.EVALUATOR}),
        ("components.metrics.regression", {node_ids.EVALUATOR}),
        ("components.metrics.combiner", {node_ids.EVALUATOR}),
    ],
)
def test_an_edit_changes_only_the_nodes_that_run_the_code(settings, nodes, edited, changed, monkeypatch):
    source = Path(importlib.util.find_spec(edited).origin).resolve()
    read = type(source).read_bytes
    monkeypatch.setattr(type(source), "read_bytes", lambda p: read(p) + (b"# edited" if p == source else b""))
    fingerprint.code.cache_clear()
    after = compiled(settings)
    fingerprint.code.cache_clear()
    different = {n for n in nodes if nodes[n].parameters != after[n].parameters}
    assert different == changed


def test_another_model_changes_only_the_trainer(settings, nodes):
    other = compiled(pipeline_config.load(None, (), {"output_dir": settings.output_dir, "model": "keras_wide_deep"}))
    assert {n for n in nodes if nodes[n].parameters != other[n].parameters} == {node_ids.TRAINER}


def test_the_trainer_gets_the_checkpoint_folder_and_the_settings_of_the_training(nodes, settings):
    custom = json.loads(parameter(nodes[node_ids.TRAINER], "custom_config"))
    assert custom["checkpoints"] == settings.checkpoints
    assert custom["settings"] == msgspec.to_builtins(settings.training)


def test_a_search_runs_before_the_training_and_its_result_is_an_input_of_the_trainer(settings):
    nodes = compiled(pipeline_config.load(None, ("tune.trials=3", "tune.oracle=random"), {"output_dir": settings.output_dir}))
    assert node_ids.LATEST_TUNED not in nodes
    assert node_ids.TUNER in nodes[node_ids.TRAINER].upstream_nodes
    custom = json.loads(parameter(nodes[node_ids.TUNER], "custom_config"))
    assert custom["tuning"] == msgspec.to_builtins(TuneSettings(trials=3, oracle="random"))
    assert custom["searches"] == f"{settings.output_dir}/tuning"


def test_without_a_search_the_trainer_reuses_the_latest_one_unless_reuse_is_false(settings, nodes):
    assert node_ids.LATEST_TUNED in nodes[node_ids.TRAINER].upstream_nodes
    without = compiled(pipeline_config.load(None, ("tune.reuse=false",), {"output_dir": settings.output_dir}))
    assert not {node_ids.TUNER, node_ids.LATEST_TUNED} & set(without)


def test_only_with_warm_start_the_latest_blessed_model_is_an_input_of_the_trainer(settings, nodes):
    warm = compiled(pipeline_config.load(None, ("train.warm_start=true",), {"output_dir": settings.output_dir}))
    assert "base_model" in warm[node_ids.TRAINER].inputs.inputs
    assert "base_model" not in nodes[node_ids.TRAINER].inputs.inputs


def test_the_reviewed_schema_is_passed_as_text(nodes):
    assert 'name: "fare"' in parameter(nodes[node_ids.SCHEMA_GEN], "schema_text")


def test_the_beam_runner_is_named(settings):
    [runner] = [a for a in settings.beam_args if a.startswith("--runner")]
    assert runner.endswith("FnApiRunner")
