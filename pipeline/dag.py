"""The DAG: one screen, no `if` for a runner."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from tfx import components as tfx
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration import data_types, pipeline
from tfx.proto import example_gen_pb2, pusher_pb2, trainer_pb2
from tfx.types import Channel, standard_artifacts

from components import gate
from components.champion_gate import ChampionGate
from components.csv_example_gen import CsvExampleGen
from components.csv_files import paths
from components.data_gate import DataGate
from components.evaluator import Evaluator
from components.pusher import Pusher
from components.resolvers.latest_tuned import LatestTunedStrategy
from components.reviewed_schema_gen import ReviewedSchemaGen
from components.window_example_gen import WindowExampleGen
from data import EVAL_SPLIT, TRAIN_SPLIT, Dataset, discovery
from pipeline import code_hash, node_ids
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.evaluation import eval_config
from trainer_module.models import NAME as MODELS

RUN_ID = data_types.RuntimeParameter(name="pipeline-run-id", ptype=str)  # TFX's own: every runner fills it in


def _latest_tuned(config: PipelineConfig) -> Resolver:
    return Resolver(
        strategy_class=LatestTunedStrategy,
        config={"dataset": config.dataset_name, "model": config.model_name},
        best_hyperparameters=Channel(type=standard_artifacts.HyperParameters),
    ).with_id(node_ids.LATEST_TUNED)


def create_pipeline(
    config: PipelineConfig, latest_tuned: Callable[[PipelineConfig], Resolver] = _latest_tuned
) -> pipeline.Pipeline:
    """Returns the whole DAG. Call it anew for every compilation: TFX's components can be compiled once.

    Args:
        config: the configuration.
        latest_tuned: makes the node that finds what the newest search has found; not every orchestrator knows every strategy.
    """
    dataset, settings = config.dataset, config.settings

    example_gen = _example_gen(config)
    examples = example_gen.outputs["examples"]
    statistics_gen = tfx.StatisticsGen(examples)
    statistics = statistics_gen.outputs["statistics"]
    schema_gen = _schema_gen(dataset, statistics)
    schema = schema_gen.outputs["schema"]
    example_validator = tfx.ExampleValidator(statistics, schema)
    data_gate = DataGate(
        examples,
        example_validator.outputs["anomalies"],
        statistics,
        schema,
        dataset=config.dataset_name,
        code=code_hash.of_node(config, "components.data_gate"),
    )

    with Cond(_passed(data_gate)):
        transform = tfx.Transform(
            examples,
            schema,
            preprocessing_fn="trainer_module.entry.preprocessing_fn",
            # With the default, a TF 2 graph, exporting an Estimator can hang: trainer_module/serving/receiver.py says why.
            force_tf_compat_v1=True,
            disable_analyzer_cache=True,
            disable_statistics=True,
            custom_config={
                "dataset": config.dataset_name,
                "code": code_hash.of_node(config, "trainer_module.transform.preprocess"),
            },
        )
        champion = Resolver(
            strategy_class=LatestBlessedModelStrategy,
            model=Channel(type=standard_artifacts.Model),
            model_blessing=Channel(type=standard_artifacts.ModelBlessing),
        ).with_id(node_ids.LATEST_BLESSED_MODEL)
        training = {
            "examples": transform.outputs["transformed_examples"],
            "transform_graph": transform.outputs["transform_graph"],
            "schema": schema,
            "train_args": trainer_pb2.TrainArgs(splits=[TRAIN_SPLIT], num_steps=config.train_steps),
            "eval_args": trainer_pb2.EvalArgs(splits=[EVAL_SPLIT]),
        }
        tuner = _tuner(config, training, latest_tuned)
        trainer = tfx.Trainer(
            **training,
            run_fn="trainer_module.entry.run_fn",
            hyperparameters=tuner.outputs["best_hyperparameters"] if tuner else None,
            # Not always: with it, every new champion would be a reason to train again.
            base_model=champion.outputs["model"] if settings.train.warm_start else None,
            custom_config=_training(config) | {"checkpoints": config.checkpoints},
        )
        model = trainer.outputs["model"]
        champion_gate = ChampionGate(
            model,
            champion.outputs["model"],
            serving=config.serving,
            run_id=RUN_ID,
            code=code_hash.of_node(config, "components.champion_gate"),
        )
        with Cond(_passed(champion_gate)):
            evaluator = Evaluator(
                examples,
                model,
                champion.outputs["model"],
                eval_config(dataset),
                schema=schema,
                dataset=config.dataset_name,
                code=code_hash.of_node(
                    config, "components.evaluator", "components.metrics.classification", "components.metrics.regression"
                ),
                **({"serving": config.serving, "run_id": RUN_ID} if config.has_spans else {}),
            )
            blessing = evaluator.outputs["blessing"]
            with Cond(blessing.future()[0].custom_property("blessed") == 1):
                pusher = Pusher(
                    model,
                    blessing,
                    _push_destination(config),
                    run_id=RUN_ID,
                    code=code_hash.of_node(config, "components.pusher"),
                )

    nodes: list[BaseNode] = [example_gen, statistics_gen, schema_gen, example_validator, data_gate]
    nodes += [transform, *([tuner] if tuner else []), trainer, champion, champion_gate, evaluator, pusher]
    return pipeline.Pipeline(
        pipeline_name=config.pipeline_name,
        pipeline_root=config.artifacts,
        components=nodes,
        enable_cache=config.use_cache,
        beam_pipeline_args=list(config.beam_args),
    )


def _example_gen(config: PipelineConfig) -> BaseNode:
    """Time series are cut into windows, other rows are taken as they are."""
    folder, pattern = paths.folder_and_pattern(config.data_path)
    component, module = CsvExampleGen, "components.csv_example_gen"
    if config.dataset.series:
        component, module = WindowExampleGen, "components.window_example_gen"
    return component(
        folder,
        _files(pattern),
        _splits(config.dataset),
        dataset=config.dataset_name,
        code=code_hash.of_node(config, module),
        range_config=paths.range_config(pattern, config.settings.data.span, config.settings.data.spans),
    )


def _schema_gen(dataset: Dataset, statistics: Channel) -> BaseNode:
    """The dataset's reviewed schema if it has one, else one inferred from the statistics."""
    reviewed = discovery.reviewed_schema_path(dataset)
    if reviewed.exists():
        return ReviewedSchemaGen(reviewed.read_text("utf-8")).with_id(node_ids.SCHEMA_GEN)
    return tfx.SchemaGen(statistics, infer_feature_shape=False)


def _tuner(
    config: PipelineConfig, training: dict[str, Any], latest_tuned: Callable[[PipelineConfig], Resolver]
) -> BaseNode | None:
    """Where the Trainer's hyper-parameters come from: a search, the newest search before, or (None) the model's file."""
    if config.tuning.trials:
        searched = _training(config) | {"tuning": dataclasses.asdict(config.tuning), "searches": config.searches}
        return tfx.Tuner(**training, tuner_fn="trainer_module.entry.tuner_fn", custom_config=searched)
    return latest_tuned(config) if config.settings.tune.reuse else None


def _training(config: PipelineConfig) -> dict[str, Any]:
    """What Tuner and Trainer are told alike. Hyper-parameters are those that are given: they go before what was found."""
    return {
        "dataset": config.dataset_name,
        "model": config.model_name,
        "hyperparameters": config.settings.hyperparameters,
        "settings": dataclasses.asdict(config.training),
        "code": code_hash.of_node(config, "trainer_module.entry", discovery.module_name(MODELS, config.model_name)),
    }


def _passed(node: BaseNode) -> object:
    return node.outputs["decision"].future()[0].custom_property(gate.PASSED) == 1


def _files(pattern: str) -> example_gen_pb2.Input:
    return example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="all", pattern=pattern)])


def _splits(dataset: Dataset) -> example_gen_pb2.Output:
    buckets = {TRAIN_SPLIT: 10 - dataset.eval_buckets, EVAL_SPLIT: dataset.eval_buckets}
    splits = [example_gen_pb2.SplitConfig.Split(name=n, hash_buckets=b) for n, b in buckets.items()]
    return example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=splits))


def _push_destination(config: PipelineConfig) -> pusher_pb2.PushDestination:
    return pusher_pb2.PushDestination(filesystem=pusher_pb2.PushDestination.Filesystem(base_directory=config.serving))
