"""The constants for node ids and outputs equal those of the DAG."""

from __future__ import annotations

import pytest
from tfx.orchestration.pipeline import Pipeline

from components import gate
from components.decision import OUTPUT_KEY
from pipeline import node_ids
from pipeline.config import pipeline_config
from pipeline.dag import create_pipeline
from pipeline.node_ids import Output

IDS = {name: value for name, value in vars(node_ids).items() if name.isupper() and isinstance(value, str)}
OUTPUTS = [value for value in vars(node_ids).values() if isinstance(value, Output)]


def dag(*assignments: str, dataset: str = "taxi") -> Pipeline:
    return create_pipeline(pipeline_config.load(None, assignments, {"dataset": dataset}))


@pytest.fixture(scope="module")
def nodes() -> dict[str, object]:
    """The nodes of all variants of the DAG: id -> node."""
    variants = (dag(), dag("tune.trials=2"), dag(dataset="co2"))
    return {node.id: node for pipeline in variants for node in pipeline.components}


def test_the_ids_that_users_type_do_not_change():
    assert IDS == {
        "CSV_EXAMPLE_GEN": "CsvExampleGen",
        "WINDOW_EXAMPLE_GEN": "WindowExampleGen",
        "STATISTICS_GEN": "StatisticsGen",
        "SCHEMA_GEN": "SchemaGen",
        "EXAMPLE_VALIDATOR": "ExampleValidator",
        "DATA_GATE": "DataGate",
        "TRANSFORM": "Transform",
        "TUNER": "Tuner",
        "LATEST_TUNED": "LatestTuned",
        "TRAINER": "Trainer",
        "LATEST_BLESSED_MODEL": "LatestBlessedModel",
        "CHAMPION_GATE": "ChampionGate",
        "EVALUATOR": "Evaluator",
        "PUSHER": "Pusher",
    }
    assert len(set(IDS.values())) == len(IDS)


def test_every_node_has_a_constant_and_every_constant_a_node(nodes):
    assert set(nodes) == set(IDS.values())


@pytest.mark.parametrize("output", [*OUTPUTS, *node_ids.DECISIONS], ids=".".join)
def test_every_output_constant_is_an_output_of_its_node(nodes, output):
    assert output.key in nodes[output.node].outputs


def test_every_output_of_the_type_gate_decision_is_read_as_a_decision(nodes):
    gates = {Output(id_, key) for id_, n in nodes.items() for key, c in n.outputs.items() if c.type is gate.GateDecision}
    assert gates == {output for output in node_ids.DECISIONS if output.key == OUTPUT_KEY}
