"""Single real nodes: MLMD after the launch decides their state and their error."""

from __future__ import annotations

from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2
from tfx.components.statistics_gen.executor import Executor
from tfx.orchestration import metadata

from pipeline import ir, node_ids
from pipeline.config import pipeline_config
from pipeline.errors import NodeFailedError
from pipeline.execution import nodes as node
from pipeline.metadata import connection
from pipeline.record import collect

Execution = metadata_store_pb2.Execution


class Silent:
    """An Observer that ignores every event."""

    def node(self, node_id: str, state: str, seconds: float) -> None:
        """Ignores the event."""


@pytest.fixture
def nodes(toy: Path, tmp_path: Path) -> node.Nodes:
    """The nodes of the smallest dataset. The first one has run."""
    config = pipeline_config.load(None, (), {"dataset": "toy.fruit", "output_dir": str(tmp_path)})
    toy_nodes = node.Nodes(ir.compile_pipeline(config, "one"), connection.reach(config.metadata_uri), Silent())
    assert toy_nodes.run(node_ids.CSV_EXAMPLE_GEN) == "done"
    return toy_nodes


def test_a_node_whose_inputs_were_deleted_fails_and_is_not_skipped(nodes: node.Nodes) -> None:
    with metadata.Metadata(nodes.connection) as handle:
        [examples] = collect.outputs_of(handle.store, "one").values()
        examples.state = metadata_store_pb2.Artifact.DELETED
        handle.store.put_artifacts([examples])
    with pytest.raises(NodeFailedError, match="its inputs could not be resolved") as raised:
        nodes.run(node_ids.STATISTICS_GEN)
    assert raised.value.node == node_ids.STATISTICS_GEN


def test_a_node_that_was_stopped_while_it_ran_publishes_nothing(
    nodes: node.Nodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    do = Executor.Do

    def do_and_stop(self: Executor, *args: object) -> None:
        do(self, *args)
        nodes.stop(node_ids.STATISTICS_GEN)

    monkeypatch.setattr(Executor, "Do", do_and_stop)
    with pytest.raises(NodeFailedError, match="It was stopped while it ran"):
        nodes.run(node_ids.STATISTICS_GEN)
    with metadata.Metadata(nodes.connection) as handle:
        assert {e.last_known_state for e in handle.store.get_executions()} == {Execution.COMPLETE, Execution.CANCELED}
    assert not list(tmp_path.joinpath("artifacts", *node_ids.STATISTICS).glob("*"))
    assert nodes.state(node_ids.STATISTICS_GEN) == "failed", "otherwise the next run would not execute it again"


def test_pipelines_whose_runs_have_the_same_name_find_only_their_own_outputs(nodes: node.Nodes) -> None:
    with metadata.Metadata(nodes.connection) as handle:
        assert set(collect.outputs_of(handle.store, "one", "toy.fruit")) == {node_ids.CSV_EXAMPLES}
        assert collect.outputs_of(handle.store, "one", "another") == {}
