"""The complete configuration: names, paths, and that it cannot change."""

import dataclasses

import msgspec
import pytest

from data import discovery, metric_names
from data.datasets.taxi import DATASET as TAXI
from pipeline.config import pipeline_config, tables


def test_the_default_configuration(load, tmp_path):
    config = load()
    assert (config.dataset_name, config.model_name) == ("taxi", "custom_wide_deep")
    assert config.dataset is TAXI
    assert config.training.steps == TAXI.training.steps
    assert config.data_path == str(discovery.sample_path(TAXI))
    assert config.output_dir == str(tmp_path / "outputs" / "taxi")
    assert config.training.best == metric_names.AUC
    assert (config.training.export, config.training.keep_checkpoints, config.training.seed) == ("best", 5, 1)
    assert (config.training.summary_steps, config.training.histograms) == (100, False)
    assert config.settings.hyperparameters == {}
    assert config.use_cache


def test_checkpoints_may_be_in_another_folder(load, tmp_path):
    assert load().checkpoints == str(tmp_path / "outputs" / "taxi" / "checkpoints")
    assert load(None, f"train.checkpoints={tmp_path}/durable").checkpoints == f"{tmp_path}/durable"
    assert load(None, "train.checkpoints=gs://bucket/durable").checkpoints == "gs://bucket/durable"


def test_a_run_writes_only_below_the_output_folder(load, tmp_path):
    config = load(output_dir="out")
    paths = [config.artifacts, config.checkpoints, config.serving, config.metadata_file]
    assert paths == [str(tmp_path / "out" / n) for n in ("artifacts", "checkpoints", "serving", "metadata.sqlite")]


def test_the_error_for_an_unknown_dataset_names_the_known_ones(refusal):
    message = refusal(dataset="taxo")
    assert message.startswith("Unknown dataset 'taxo'. Did you mean 'taxi'? Known: ")


def test_the_error_for_an_unknown_model_names_the_known_ones(refusal):
    message = refusal(None, "model=keras_wide_deeep")
    assert message.startswith("Unknown model 'keras_wide_deeep'. Did you mean 'keras_wide_deep'? Known: ")
    assert "custom_wide_deep" in message


def test_relative_paths_become_absolute(load, tmp_path):
    config = load('output_dir = "out"\n[data]\npath = "trips/a.csv"\n')
    assert config.output_dir == str(tmp_path / "out")
    assert config.data_path == str(tmp_path / "trips" / "a.csv")


def test_absolute_paths_and_urls_stay(load):
    config = load(output_dir="/srv/out", data__path="gs://bucket/trips.csv")
    assert config.output_dir == "/srv/out"
    assert config.data_path == "gs://bucket/trips.csv"


@pytest.mark.parametrize(
    "place", ["", "settings", "training", "settings.train", "settings.data", "settings.run", "settings.train.cluster"]
)
def test_a_configuration_is_frozen(load, place):
    target = load()
    for name in filter(None, place.split(".")):
        target = getattr(target, name)
    fields = dataclasses.fields(target) if dataclasses.is_dataclass(target) else msgspec.structs.fields(target)
    field = fields[0].name
    with pytest.raises(AttributeError):
        setattr(target, field, None)


def test_every_engine_names_its_beam_runner(load):
    for engine, options in tables.ENGINES.items():
        assert load(run__engine=engine).beam_args == options
        assert any(o.startswith("--runner=") for o in options), engine


def test_the_cache_can_be_turned_off():
    assert not pipeline_config.load(None, [], {}, use_cache=False).use_cache


def test_loading_writes_nothing(load, tmp_path):
    load(output_dir="out")
    assert list(tmp_path.iterdir()) == []
