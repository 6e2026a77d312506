"""The wiring of the DAG. It is the same for every runner. `pipeline/node_settings.py` computes the settings of the nodes."""

from __future__ import annotations

from collections.abc import Callable

from tfx import components as tfx
from tfx.components.evaluator.constants import ARTIFACT_PROPERTY_BLESSED_KEY
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration import pipeline
from tfx.proto import trainer_pb2
from tfx.types import Channel, standard_artifacts

from components import gate
from components.champion_gate import ChampionGate
from components.data_gate import DataGate
from components.decision import OUTPUT_KEY
from components.evaluator import Evaluator
from components.pusher import Pusher
from data import EVAL_SPLIT, TRAIN_SPLIT
from pipeline import node_ids, node_settings
from pipeline.config.pipeline_config import PipelineConfig


def create_pipeline(
    config: PipelineConfig, latest_tuned: Callable[[PipelineConfig], Resolver] = node_settings.latest_tuned
) -> pipeline.Pipeline:
    """Returns the whole DAG. Call it again for each compilation: TFX can compile a component only once.

    Args:
        config: the configuration.
        latest_tuned: makes the node that finds the result of the newest search. Vertex and Kubeflow 2 need another one.
    """
    example_gen = node_settings.example_gen(config)
    examples = example_gen.outputs[node_ids.CSV_EXAMPLES.key]
    statistics_gen = tfx.StatisticsGen(examples)
    statistics = statistics_gen.outputs[node_ids.STATISTICS.key]
    schema_gen = node_settings.schema_gen(config.dataset, statistics)
    schema = schema_gen.outputs[node_ids.SCHEMA.key]
    example_validator = tfx.ExampleValidator(statistics, schema)
    anomalies = example_validator.outputs[node_ids.ANOMALIES.key]
    data_gate = DataGate(examples, anomalies, statistics, schema, **node_settings.data_gate(config))

    with Cond(_passed(data_gate)):
        transform = tfx.Transform(
            examples,
            schema,
            preprocessing_fn="trainer_module.entry.preprocessing_fn",
            # With the default, a TF 2 graph, exporting an Estimator can hang: trainer_module/serving/receiver.py says why.
            force_tf_compat_v1=True,
            disable_analyzer_cache=True,
            disable_statistics=True,
            custom_config=node_settings.transform(config),
        )
        latest_blessed_model = Resolver(
            strategy_class=LatestBlessedModelStrategy,
            model=Channel(type=standard_artifacts.Model),
            model_blessing=Channel(type=standard_artifacts.ModelBlessing),
        ).with_id(node_ids.LATEST_BLESSED_MODEL)
        champion = latest_blessed_model.outputs[node_ids.CHAMPION.key]
        training = {
            "examples": transform.outputs[node_ids.TRANSFORMED_EXAMPLES.key],
            "transform_graph": transform.outputs[node_ids.TRANSFORM_GRAPH.key],
            "schema": schema,
            # Without num_steps: the number of steps is one of the settings in custom_config, which `entry.run_fn` reads.
            "train_args": trainer_pb2.TrainArgs(splits=[TRAIN_SPLIT]),
            "eval_args": trainer_pb2.EvalArgs(splits=[EVAL_SPLIT]),
        }
        # Hyper-parameters come from a search in this run, from the newest search before it, or from the file of the model.
        tuner: BaseNode | None = None
        if config.tuning.trials:
            tuner_fn = "trainer_module.entry.tuner_fn"
            tuner = tfx.Tuner(**training, tuner_fn=tuner_fn, custom_config=node_settings.tuner(config))
        elif config.settings.tune.reuse:
            tuner = latest_tuned(config)
        trainer = tfx.Trainer(
            **training,
            run_fn="trainer_module.entry.run_fn",
            hyperparameters=tuner.outputs[node_ids.BEST_HYPERPARAMETERS.key] if tuner else None,
            # Only on request: the champion is then an input of the Trainer, so TFX trains again for each new champion.
            base_model=champion if config.settings.train.warm_start else None,
            custom_config=node_settings.trainer(config),
        )
        model = trainer.outputs[node_ids.MODEL.key]
        champion_gate = ChampionGate(model, champion, **node_settings.champion_gate(config))
        with Cond(_passed(champion_gate)):
            evaluator = Evaluator(examples, model, champion, schema=schema, **node_settings.evaluator(config))
            blessing = evaluator.outputs[node_ids.BLESSING.key]
            with Cond(blessing.future()[0].custom_property(ARTIFACT_PROPERTY_BLESSED_KEY) == 1):
                pusher = Pusher(model, blessing, **node_settings.pusher(config))

    nodes: list[BaseNode] = [example_gen, statistics_gen, schema_gen, example_validator, data_gate]
    nodes += [transform, *([tuner] if tuner else []), trainer, latest_blessed_model, champion_gate, evaluator, pusher]
    return pipeline.Pipeline(
        pipeline_name=config.pipeline_name,
        pipeline_root=config.artifacts,
        components=nodes,
        enable_cache=config.use_cache,
        beam_pipeline_args=list(config.beam_args),
    )


def _passed(node: BaseNode) -> object:
    return node.outputs[OUTPUT_KEY].future()[0].custom_property(gate.PASSED) == 1
