"""The nodes of the DAG for CSV files and default settings. It has the node LatestTuned instead of a Tuner: no search runs."""

from __future__ import annotations

from pipeline import node_ids

# Each tuple is in an order in which the nodes can run.
DATA_NODES = (
    node_ids.CSV_EXAMPLE_GEN,
    node_ids.STATISTICS_GEN,
    node_ids.SCHEMA_GEN,
    node_ids.EXAMPLE_VALIDATOR,
    node_ids.DATA_GATE,
)
BEFORE_TRAINER = (*DATA_NODES, node_ids.TRANSFORM)
FROM_TRAINER = (*node_ids.RESOLVERS, node_ids.TRAINER, node_ids.CHAMPION_GATE, node_ids.EVALUATOR, node_ids.PUSHER)
NODES = (*BEFORE_TRAINER, *FROM_TRAINER)
