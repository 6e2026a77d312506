"""The settings of nodes, one table for each kind of dataset. (Where they go in the DAG: test_dag.py.)"""

import msgspec
import pytest
from tfx import components as tfx
from tfx.types import Channel, standard_artifacts

from components.csv_example_gen import CsvExampleGen
from components.reviewed_schema_gen import ReviewedSchemaGen
from components.window_example_gen import WindowExampleGen
from data import discovery
from pipeline import code_hash, node_ids, node_settings
from pipeline.config import pipeline_config


@pytest.fixture
def config(tmp_path):
    def load(dataset, *assignments):
        return pipeline_config.load(None, assignments, {"dataset": dataset, "output_dir": str(tmp_path)})

    return load


@pytest.mark.parametrize(
    ("dataset", "component"),
    [("taxi", CsvExampleGen), ("housing", CsvExampleGen), ("reviews", CsvExampleGen), ("co2", WindowExampleGen)],
)
def test_a_time_series_is_cut_into_windows_and_other_rows_are_taken_as_they_are(config, dataset, component):
    assert type(node_settings.example_gen(config(dataset))) is component


@pytest.mark.parametrize("dataset", ["taxi", "housing", "reviews"])
def test_a_dataset_decides_how_many_of_ten_buckets_are_for_the_evaluation(config, dataset):
    loaded = config(dataset)
    text = node_settings.example_gen(loaded).exec_properties["output_config"]
    splits = msgspec.json.decode(text)["split_config"]["splits"]
    eval_buckets = loaded.dataset.eval_buckets
    assert [(s["name"], s["hash_buckets"]) for s in splits] == [("train", 10 - eval_buckets), ("eval", eval_buckets)]


def test_a_reviewed_schema_comes_before_an_inferred_one(config, toy):
    statistics = Channel(type=standard_artifacts.ExampleStatistics)
    reviewed = node_settings.schema_gen(config("taxi").dataset, statistics)
    assert (type(reviewed), reviewed.id) == (ReviewedSchemaGen, node_ids.SCHEMA_GEN)
    without = discovery.dataset("toy.fruit")
    assert not discovery.reviewed_schema_path(without).exists()
    assert type(node_settings.schema_gen(without, statistics)) is tfx.SchemaGen


def test_transform_knows_its_dataset_and_its_code(config):
    loaded = config("housing")
    assert node_settings.transform(loaded) == {
        "dataset": "housing",
        "code": code_hash.of_node(loaded, "trainer_module.transform.preprocess"),
    }


def test_trainer_and_tuner_share_the_training_and_have_a_folder_each(config):
    loaded = config("taxi", "hyperparameters.dropout=0.3", "train.steps=7")
    trainer, tuner = node_settings.trainer(loaded), node_settings.tuner(loaded)
    shared = {key: value for key, value in trainer.items() if key in tuner}
    assert shared.pop("code") == tuner["code"]
    assert shared == {
        "dataset": "taxi",
        "model": "custom_wide_deep",
        "hyperparameters": loaded.settings.hyperparameters,
        "settings": msgspec.to_builtins(loaded.training),
    }
    assert shared["settings"]["steps"] == 7 and set(shared["hyperparameters"]) == {"dropout"}
    assert (trainer.keys() - tuner.keys(), tuner.keys() - trainer.keys()) == ({"checkpoints"}, {"tuning", "searches"})


def test_the_newest_search_must_be_of_this_dataset_and_model(config):
    resolver = node_settings.latest_tuned(config("housing", "model=canned_linear"))
    assert resolver.id == node_ids.LATEST_TUNED
    assert {"dataset": "housing", "model": "canned_linear"} in resolver.exec_properties.values()


def test_models_are_pushed_to_the_serving_folder(config, tmp_path):
    destination = node_settings.pusher(config("taxi"))["push_destination"]
    assert destination.filesystem.base_directory == f"{tmp_path}/serving"
