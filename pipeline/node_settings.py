"""Computes the settings of the DAG's nodes from the configuration, and makes the nodes whose kind depends on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tfx import components as tfx
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.orchestration import data_types
from tfx.proto import example_gen_pb2, pusher_pb2
from tfx.types import Channel, standard_artifacts

from components.csv_example_gen import CsvExampleGen
from components.csv_files import paths
from components.resolvers.latest_tuned import LatestTunedStrategy
from components.reviewed_schema_gen import ReviewedSchemaGen
from components.window_example_gen import WindowExampleGen
from data import EVAL_SPLIT, TRAIN_SPLIT, Dataset, discovery
from pipeline import code_hash, evaluation, node_ids
from pipeline.config.pipeline_config import PipelineConfig
from trainer_module import custom_config
from trainer_module.custom_config import TrainerConfig, TunerConfig
from trainer_module.models import NAME as MODELS

# TFX's own parameter, which each runner sets.
RUN_ID = data_types.RuntimeParameter(name="pipeline-run-id", ptype=str)

# Number of buckets. ExampleGen puts each row into one of them, by the hash of the row.
_BUCKETS = 10


def example_gen(config: PipelineConfig) -> BaseNode:
    """Returns the node that reads the data: it cuts time series into windows, and takes other rows as they are."""
    folder, pattern = paths.folder_and_pattern(config.data_path)
    component, module = CsvExampleGen, "components.csv_example_gen"
    if config.dataset.series:
        component, module = WindowExampleGen, "components.window_example_gen"
    return component(
        folder,
        example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="all", pattern=pattern)]),
        _splits(config.dataset),
        dataset=config.dataset_name,
        code=code_hash.of_node(config, module),
        range_config=paths.range_config(pattern, config.settings.data.span, config.settings.data.spans),
    )


def _splits(dataset: Dataset) -> example_gen_pb2.Output:
    buckets = {TRAIN_SPLIT: _BUCKETS - dataset.eval_buckets, EVAL_SPLIT: dataset.eval_buckets}
    splits = [example_gen_pb2.SplitConfig.Split(name=split, hash_buckets=count) for split, count in buckets.items()]
    return example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=splits))


def schema_gen(dataset: Dataset, statistics: Channel) -> BaseNode:
    """Returns the node with the reviewed schema of the dataset, or else one that infers a schema from the statistics."""
    reviewed = discovery.reviewed_schema_path(dataset)
    if reviewed.exists():
        return ReviewedSchemaGen(reviewed.read_text("utf-8")).with_id(node_ids.SCHEMA_GEN)
    return tfx.SchemaGen(statistics, infer_feature_shape=False)


def data_gate(config: PipelineConfig) -> Mapping[str, str]:
    """Returns the settings of DataGate."""
    return {"dataset": config.dataset_name, "code": code_hash.of_node(config, "components.data_gate")}


def champion_gate(config: PipelineConfig) -> Mapping[str, Any]:
    """Returns the settings of ChampionGate."""
    return {"serving": config.serving, "run_id": RUN_ID, "code": code_hash.of_node(config, "components.champion_gate")}


def evaluator(config: PipelineConfig) -> Mapping[str, Any]:
    """Returns the settings of Evaluator.

    If the data comes in spans, it compares the span of the model with that of the served model. The run id is then a setting
    too, so that TFX's cache, which does not know the served model, never answers.
    """
    modules = ("components.evaluator", "components.metrics.classification", "components.metrics.regression")
    settings = {
        "eval_config": evaluation.eval_config(config.dataset),
        "dataset": config.dataset_name,
        "code": code_hash.of_node(config, *modules),
    }
    return settings | {"serving": config.serving, "run_id": RUN_ID} if config.has_spans else settings


def pusher(config: PipelineConfig) -> Mapping[str, Any]:
    """Returns the settings of Pusher. A model server watches the folder of its destination."""
    folder = pusher_pb2.PushDestination.Filesystem(base_directory=config.serving)
    return {
        "push_destination": pusher_pb2.PushDestination(filesystem=folder),
        "run_id": RUN_ID,
        "code": code_hash.of_node(config, "components.pusher"),
    }


def transform(config: PipelineConfig) -> Mapping[str, str]:
    """Returns the `custom_config` of Transform, which `preprocessing_fn` reads."""
    return {
        "dataset": config.dataset_name,
        "code": code_hash.of_node(config, "trainer_module.transform.preprocess"),
    }


def trainer(config: PipelineConfig) -> Mapping[str, Any]:
    """Returns the `custom_config` of the Trainer, which `run_fn` reads."""
    return custom_config.encode(TrainerConfig(**_training(config), checkpoints=config.checkpoints))


def tuner(config: PipelineConfig) -> Mapping[str, Any]:
    """Returns the `custom_config` of the Tuner, which `tuner_fn` reads."""
    return custom_config.encode(TunerConfig(**_training(config), tuning=config.tuning, searches=config.searches))


def _training(config: PipelineConfig) -> dict[str, Any]:
    """Returns the settings that Tuner and Trainer share."""
    return {
        "dataset": config.dataset_name,
        "model": config.model_name,
        "hyperparameters": config.settings.hyperparameters,
        "settings": config.training,
        "code": code_hash.of_node(config, "trainer_module.entry", discovery.module_name(MODELS, config.model_name)),
    }


def latest_tuned(config: PipelineConfig) -> Resolver:
    """Returns the node that finds the result of the newest search for this dataset and model."""
    return Resolver(
        strategy_class=LatestTunedStrategy,
        config={"dataset": config.dataset_name, "model": config.model_name},
        best_hyperparameters=Channel(type=standard_artifacts.HyperParameters),
    ).with_id(node_ids.LATEST_TUNED)
