"""Hashes of code: what a node runs, and what a pipeline runs. (Which edit changes which node: test_dag.py.)"""

import pytest

from pipeline import code_hash
from pipeline.config import pipeline_config


@pytest.fixture
def config(tmp_path):
    return lambda **options: pipeline_config.load(None, (), {"output_dir": str(tmp_path), **options})


def test_a_component_stands_for_its_executor(config):
    assert code_hash.of_node(config(), "components.pusher") == code_hash.of_node(config(), "components.pusher.executor")


def test_a_node_depends_on_the_file_of_the_dataset_and_not_on_the_model(config):
    taxi = code_hash.of_node(config(), "components.pusher")
    assert code_hash.of_node(config(dataset="housing"), "components.pusher") != taxi
    assert code_hash.of_node(config(model="keras_wide_deep"), "components.pusher") == taxi


def test_a_pipeline_depends_on_dataset_and_model(config):
    hashes = [
        code_hash.of_pipeline(config(**options)) for options in ({}, {"dataset": "housing"}, {"model": "keras_wide_deep"})
    ]
    assert len(set(hashes)) == 3
    assert hashes[0] == code_hash.of_pipeline(config(**{"train.steps": 7}))  # settings are not code
