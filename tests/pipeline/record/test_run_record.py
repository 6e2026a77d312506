"""The model of run.json: how it changes when nodes and runs begin, end and continue."""

from __future__ import annotations

import subprocess
import sys

import msgspec
import pytest

from pipeline import node_ids
from pipeline.config import pipeline_config
from pipeline.record import run_record
from pipeline.record.run_record import NodeRecord, RunRecord


@pytest.fixture
def record() -> RunRecord:
    return run_record.new(
        pipeline_config.load(None, (), {}), "one", "c0de", "local", [node_ids.SCHEMA_GEN, node_ids.TRAINER, node_ids.PUSHER]
    )


def states(record: RunRecord) -> list[str]:
    return [node.state for node in record.nodes]


def test_a_new_record_is_running_and_its_nodes_are_waiting(record):
    assert (record.status, record.exit_code, record.finished, record.seconds) == ("running", None, None, 0.0)
    assert states(record) == ["waiting"] * 3


@pytest.mark.parametrize(
    ("state", "cached"), [("done", False), ("running", False), ("failed", False), ("cached", True), ("reused", True)]
)
def test_entering_a_state_records_the_seconds_and_whether_the_result_is_of_an_earlier_run(record, state, cached):
    record.enter(node_ids.TRAINER, state, 1.2345)
    assert record.node(node_ids.TRAINER) == NodeRecord(node_ids.TRAINER, state, 1.23, cached)


@pytest.mark.parametrize(
    ("entered", "ended"),
    [
        (("done", "done", "waiting"), False),
        (("done", "done", "running"), False),
        (("done", "failed", "skipped"), True),
        (("cached", "reused", "done"), True),
    ],
)
def test_all_nodes_have_ended_when_no_node_waits_or_runs(record, entered, ended):
    for node, state in zip(record.nodes, entered, strict=True):
        node.state = state
    assert record.all_nodes_ended is ended


def test_nodes_that_still_wait_at_the_end_become_skipped(record):
    record.enter(node_ids.SCHEMA_GEN, "done", 1.0)
    record.enter(node_ids.TRAINER, "running", 0.0)
    record.finish("interrupted", 130, "Stopped by Ctrl-C.")
    assert states(record) == ["done", "running", "skipped"]
    assert (record.status, record.exit_code, record.why) == ("interrupted", 130, "Stopped by Ctrl-C.")
    assert record.finished and record.finished >= record.started


def test_in_a_reopened_run_the_nodes_after_the_retried_one_wait_again(record):
    record.enter(node_ids.SCHEMA_GEN, "skipped", 0.0)
    record.finish("failed", 1, "Node Trainer failed.")
    record.reopen([node_ids.PUSHER])
    assert (record.status, record.exit_code, record.why, record.finished) == ("running", None, "", None)
    assert states(record) == ["skipped", "skipped", "waiting"]


def test_two_records_share_no_list_or_dictionary(record):
    other = run_record.new(pipeline_config.load(None, (), {}), "two", "c0de", "local")
    record.rows["train"] = 5
    record.gates.append(run_record.GateRecord(id=node_ids.DATA_GATE, decision="passed", why="Good."))
    assert (other.rows, other.gates, other.nodes) == ({}, [], [])


@pytest.mark.parametrize("text", [b'{"id": "Trainer", "state": "lost"}', b'{"id": "Trainer", "state": 1}'])
def test_a_record_with_an_unknown_state_cannot_be_read(text):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=NodeRecord)


def test_modules_of_the_record_import_neither_tfx_nor_tensorflow():
    modules = "pipeline.record.finish, pipeline.terminal.summary, pipeline.commands.run, pipeline.orchestrators.step"
    code = f"import sys, {modules}; sys.exit(bool({{'tfx', 'tensorflow', 'apache_beam', 'ml_metadata'}} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
