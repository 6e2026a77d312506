"""The status, exit code and reason of an ended run: one row of a table for every rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from data import metric_names
from pipeline import node_ids
from pipeline.config import pipeline_config
from pipeline.errors import (
    InputError,
    InterruptedRunError,
    InUseError,
    NodeFailedError,
    TerminatedRunError,
    UsageError,
)
from pipeline.metadata.connection import MetadataError
from pipeline.record import run_record, status, store
from pipeline.record.run_record import GateRecord, RunRecord

PASSED = GateRecord(id=node_ids.DATA_GATE, decision="passed", why="The data fits its schema.")
GOOD = GateRecord(id=node_ids.EVALUATOR, decision="passed", why="The model holds.")
REFUSED = GateRecord(id=node_ids.EVALUATOR, decision="refused", why="auc overall is 0.5.")
UNCHANGED = GateRecord(id=node_ids.CHAMPION_GATE, decision="unchanged", why="Nothing has changed.")
NEWER_SERVED = GateRecord(id=node_ids.PUSHER, decision="unchanged", why="The served model has newer data.")
BEAM = "RuntimeError: InputDataError: trips.csv, row 7: no number. [while running 'Parse CSV']\nTraceback ..."


def record(folder: Path, run_id: str = "one") -> RunRecord:
    return run_record.new(
        pipeline_config.load(None, (), {"output_dir": str(folder)}), run_id, "c0de", "local", [node_ids.TRAINER]
    )


@pytest.mark.parametrize(
    ("failure", "status_", "exit_code", "why"),
    [
        (InterruptedRunError("Stopped by Ctrl-C."), "interrupted", 130,
         "Stopped by Ctrl-C. The served model stays. Run again to continue."),
        (TerminatedRunError("Stopped by SIGTERM."), "interrupted", 143,
         "Stopped by SIGTERM. The served model stays. Run again to continue."),
        (NodeFailedError(node_ids.TRAINER, "ValueError: no rows\n\nMore text."), "failed", 1,
         "Node Trainer failed: ValueError: no rows"),
        (NodeFailedError(node_ids.TRAINER, "ValueError: bad\nTraceback (most"), "failed", 1,
         "Node Trainer failed: ValueError: bad"),
        (NodeFailedError(node_ids.CSV_EXAMPLE_GEN, BEAM), "failed", 2, "trips.csv, row 7: no number."),
        (UsageError("No such model."), "failed", 2, "No such model."),
        (InputError("No such file."), "failed", 2, "No such file."),
        (InUseError("Another run."), "failed", 2, "Another run."),
        (MetadataError("Nobody answers."), "failed", 1, "Nobody answers."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)  # fmt: skip
def test_a_failure_decides_status_exit_code_and_reason(tmp_path, failure, status_, exit_code, why):
    ended = record(tmp_path)
    ended.gates = [REFUSED]  # a failure has precedence over a gate
    assert status.conclude(ended, str(tmp_path), failure) == exit_code
    assert (ended.status, ended.exit_code, ended.why) == (status_, exit_code, why)
    assert ended.finished and ended.nodes[0].state == "skipped"


@pytest.mark.parametrize(
    ("gates", "pushed_path", "to_node", "status_", "exit_code", "why"),
    [
        ([PASSED, REFUSED], None, None, "refused", 3, REFUSED.why),
        ([REFUSED, UNCHANGED], None, None, "refused", 3, REFUSED.why),
        ([PASSED, REFUSED], None, node_ids.EVALUATOR, "refused", 3, REFUSED.why),
        ([PASSED, UNCHANGED], None, None, "unchanged", 0, UNCHANGED.why),
        ([PASSED, GOOD, NEWER_SERVED], None, None, "unchanged", 0, NEWER_SERVED.why),
        ([PASSED, GOOD], "/serving/1", None, "pushed", 0, GOOD.why),
        ([PASSED], "/serving/1", None, "pushed", 0, ""),
        ([PASSED], None, node_ids.TRAINER, "unchanged", 0, "Stopped after Trainer, as requested. Nothing was pushed."),
        ([PASSED, GOOD], None, None, "failed", 1, "Every node ended, but no model was pushed and no gate says why."),
    ],
)
def test_without_a_failure_first_the_gates_and_then_the_push_decide(
    tmp_path, gates, pushed_path, to_node, status_, exit_code, why
):
    ended = record(tmp_path)
    ended.gates, ended.pushed_path = gates, pushed_path
    assert status.conclude(ended, str(tmp_path), None, to_node) == exit_code
    assert (ended.status, ended.exit_code, ended.why) == (status_, exit_code, why)


def pushed_before(folder: Path, run_id: str, auc: float) -> None:
    recorder = store.Recorder(pipeline_config.load(None, (), {"output_dir": str(folder)}), run_id, "c0de", "local")
    recorder.record.metrics, recorder.record.pushed_path = {metric_names.AUC: auc}, f"/serving/{run_id}"
    recorder.finish("pushed", 0, "")


def test_an_unchanged_run_has_the_metrics_of_the_newest_push(tmp_path):
    pushed_before(tmp_path, "1", auc=0.8)
    pushed_before(tmp_path, "2", auc=0.9)
    store.Recorder(pipeline_config.load(None, (), {"output_dir": str(tmp_path)}), "3", "c0de", "local").finish("failed", 1, "")
    ended = record(tmp_path)
    ended.gates = [UNCHANGED]
    status.conclude(ended, str(tmp_path))
    assert (ended.metrics, ended.pushed_path, ended.blessed) == ({metric_names.AUC: 0.9}, "/serving/2", True)


def test_an_unchanged_run_that_evaluated_a_model_keeps_its_own_metrics(tmp_path):
    pushed_before(tmp_path, "1", auc=0.8)
    ended = record(tmp_path)
    ended.gates, ended.metrics = [GOOD, NEWER_SERVED], {metric_names.AUC: 0.7}
    status.conclude(ended, str(tmp_path))
    assert (ended.metrics, ended.pushed_path, ended.blessed) == ({metric_names.AUC: 0.7}, None, None)


def test_an_unchanged_run_without_an_earlier_push_has_no_metrics(tmp_path):
    ended = record(tmp_path)
    ended.gates = [UNCHANGED]
    assert status.conclude(ended, str(tmp_path)) == 0
    assert (ended.metrics, ended.pushed_path, ended.blessed) == ({}, None, None)
