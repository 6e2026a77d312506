"""What is cleaned up before a run, and what is left alone. (A run that was really killed: tests/e2e/test_faults.py.)"""

from __future__ import annotations

import json
from pathlib import Path

from pipeline import node_ids
from pipeline.config import pipeline_config
from pipeline.execution import cleanup
from pipeline.metadata import connection
from pipeline.record import run_record, store


def test_a_run_of_an_orchestrator_is_at_work_between_two_of_its_processes_too(tmp_path: Path) -> None:
    given = pipeline_config.load(None, (), {"output_dir": str(tmp_path)})
    killed = store.Recorder(given, "killed", "c0de", "local")
    killed.begin([node_ids.CSV_EXAMPLE_GEN, node_ids.TRAINER])
    killed.node(node_ids.CSV_EXAMPLE_GEN, "running", 0.0)
    with store.locked(
        str(tmp_path), run_record.new(given, "scheduled", "c0de", run_record.ORCHESTRATOR, [node_ids.CSV_EXAMPLE_GEN])
    ) as other:
        other.enter(node_ids.CSV_EXAMPLE_GEN, "done", 1.0)

    cleanup.after_killed_runs(given, connection.reach(given.metadata_uri))

    found = {name: json.loads((tmp_path / "runs" / name / "run.json").read_text()) for name in ("killed", "scheduled")}
    assert {name: kept["status"] for name, kept in found.items()} == {"killed": "failed", "scheduled": "running"}
    assert [node["state"] for node in found["killed"]["nodes"]] == ["failed", "skipped"]
