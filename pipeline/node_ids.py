"""Ids of the DAG's nodes, and the outputs that hold the results of a run. (Imports no TFX, because the terminal uses it.)"""

from __future__ import annotations

from typing import NamedTuple

from components import decision

# Users type these ids (`--from Trainer`), and MLMD and the artifact folders carry them.
CSV_EXAMPLE_GEN = "CsvExampleGen"
WINDOW_EXAMPLE_GEN = "WindowExampleGen"
STATISTICS_GEN = "StatisticsGen"
SCHEMA_GEN = "SchemaGen"
EXAMPLE_VALIDATOR = "ExampleValidator"
DATA_GATE = "DataGate"
TRANSFORM = "Transform"
TUNER = "Tuner"
LATEST_TUNED = "LatestTuned"
TRAINER = "Trainer"
LATEST_BLESSED_MODEL = "LatestBlessedModel"
CHAMPION_GATE = "ChampionGate"
EVALUATOR = "Evaluator"
PUSHER = "Pusher"

# Nodes that find results of earlier runs. A partial run executes them again. They write no artifact.
RESOLVERS = (LATEST_BLESSED_MODEL, LATEST_TUNED)


class Output(NamedTuple):
    """One output of one node."""

    node: str
    key: str


CSV_EXAMPLES = Output(CSV_EXAMPLE_GEN, "examples")
WINDOW_EXAMPLES = Output(WINDOW_EXAMPLE_GEN, "examples")
STATISTICS = Output(STATISTICS_GEN, "statistics")
SCHEMA = Output(SCHEMA_GEN, "schema")
ANOMALIES = Output(EXAMPLE_VALIDATOR, "anomalies")
TRANSFORM_GRAPH = Output(TRANSFORM, "transform_graph")
TRANSFORMED_EXAMPLES = Output(TRANSFORM, "transformed_examples")
BEST_HYPERPARAMETERS = Output(TUNER, "best_hyperparameters")
MODEL = Output(TRAINER, "model")
MODEL_RUN = Output(TRAINER, "model_run")
CHAMPION = Output(LATEST_BLESSED_MODEL, "model")
EVALUATION = Output(EVALUATOR, "evaluation")
BLESSING = Output(EVALUATOR, "blessing")
PUSHED_MODEL = Output(PUSHER, "pushed_model")

# The output in whose folder a gate writes its decision; in the order in which the gates decide.
DECISIONS = (Output(DATA_GATE, decision.OUTPUT_KEY), Output(CHAMPION_GATE, decision.OUTPUT_KEY), BLESSING, PUSHED_MODEL)
