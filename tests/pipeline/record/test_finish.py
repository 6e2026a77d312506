"""`finish_run` ends the record of every run. (Its content: test_collect.py; the rules: test_status.py.)"""

from __future__ import annotations

import pytest

from pipeline import node_ids
from pipeline.config import pipeline_config
from pipeline.errors import NodeFailedError
from pipeline.metadata import connection as metadata_store
from pipeline.record import collect, run_record
from pipeline.record.finish import finish_run


@pytest.fixture
def config(tmp_path):
    return pipeline_config.load(None, (), {"output_dir": str(tmp_path)})


@pytest.fixture
def record(config):
    return run_record.new(config, "one", "c0de", "local", [node_ids.TRAINER])


@pytest.fixture
def unreadable_results(monkeypatch):
    """Makes the outputs of the nodes unreadable."""

    def fill_record(*args):
        raise RuntimeError("eval_config.json is cut short")

    monkeypatch.setattr(collect, "fill_record", fill_record)


def test_without_a_connection_the_record_has_the_reason_of_the_failure(config, record):
    assert finish_run(record, config, NodeFailedError(node_ids.TRAINER, "OOM")) == 1
    assert (record.status, record.why, record.gates) == ("failed", "Node Trainer failed: OOM", [])


def test_a_run_without_outputs_has_failed(config, record):
    connection = metadata_store.reach(config.metadata_uri)
    assert finish_run(record, config, connection=connection) == 1
    assert record.why == "Every node ended, but no model was pushed and no gate says why."


def test_a_run_that_stops_at_a_node_has_not_failed(config, record):
    connection = metadata_store.reach(config.metadata_uri)
    assert finish_run(record, config, connection=connection, to_node=node_ids.TRAINER) == 0
    assert record.status == "unchanged"


def test_unreadable_results_do_not_hide_the_reason_of_a_failure(config, record, unreadable_results):
    connection = metadata_store.reach(config.metadata_uri)
    assert finish_run(record, config, NodeFailedError(node_ids.TRAINER, "OOM"), connection=connection) == 1
    assert record.why == "Node Trainer failed: OOM"


def test_unreadable_results_are_an_error_if_the_run_has_not_failed(config, record, unreadable_results):
    connection = metadata_store.reach(config.metadata_uri)
    with pytest.raises(RuntimeError, match="cut short"):
        finish_run(record, config, connection=connection)
