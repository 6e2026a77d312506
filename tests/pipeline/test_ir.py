"""The IR of a pipeline: its nodes, their order, and what is needed to compile it. (Which nodes run: commands/test_run.py.)"""

import pytest

from pipeline import ir, node_ids
from pipeline.config import pipeline_config
from pipeline.errors import InputError, UsageError
from tests.support.dags import NODES


@pytest.fixture
def config(tmp_path):
    return lambda *assignments: pipeline_config.load(None, assignments, {"output_dir": str(tmp_path)})


def test_every_node_comes_after_the_nodes_that_it_needs(config):
    compiled = ir.compile_dag(config())
    order, upstream = ir.ids_of_nodes(compiled), ir.upstream_of(compiled)
    assert set(order) == set(upstream) == set(NODES)
    assert all(order.index(needed) < order.index(node) for node in order for needed in upstream[node])
    assert upstream[node_ids.CSV_EXAMPLE_GEN] == []
    assert upstream[node_ids.STATISTICS_GEN] == [node_ids.CSV_EXAMPLE_GEN]


def test_a_run_id_replaces_the_parameter_in_every_node(config):
    compiled = ir.compile_pipeline(config(), "run-7")
    assert compiled.runtime_spec.pipeline_run_id.field_value.string_value == "run-7"
    names = {c.name.field_value.string_value for n in compiled.nodes for c in n.pipeline_node.contexts.contexts}
    assert "run-7" in names and "" not in names


def test_data_that_is_not_there_prevents_a_run_and_not_a_look_at_the_dag(config):
    missing = config("data.path=/nowhere/trips.csv")
    with pytest.raises(InputError, match="There is no file or folder /nowhere/trips"):
        ir.compile_pipeline(missing, "one")
    assert ir.upstream(missing) == ir.upstream(config())


def test_spans_are_not_looked_for_and_a_pattern_that_is_wrong_is_refused(config):
    with_spans = config("data.path=/nowhere/{SPAN}.csv")
    assert ir.without_data(with_spans) is with_spans
    assert set(ir.upstream(with_spans)) == set(NODES)
    with pytest.raises(InputError, match="braces may hold SPAN"):
        ir.upstream(config("data.path=/nowhere/{DAY}.csv"))


@pytest.mark.parametrize("names", [("Trainr", None), (None, "Trainr")])
def test_an_unknown_node_is_answered_with_the_known_ones(config, names):
    with pytest.raises(UsageError, match=r"There is no node 'Trainr'\. The nodes are: CsvExampleGen, "):
        ir.select_nodes(ir.compile_dag(config()), *names)
