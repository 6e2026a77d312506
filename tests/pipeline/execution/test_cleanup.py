"""Before a run, the records of killed runs are completed. (A run that is really killed: tests/e2e/test_stopping.py.)"""

from __future__ import annotations

import json
from pathlib import Path

from pipeline import node_ids
from pipeline.config import pipeline_config
from pipeline.execution import cleanup
from pipeline.metadata import connection
from pipeline.record import run_record, store


def test_an_orchestrated_run_counts_as_running_between_two_of_its_processes(tmp_path: Path) -> None:
    config = pipeline_config.load(None, (), {"output_dir": str(tmp_path)})
    killed = store.Recorder(config, "killed", "c0de", "local")
    killed.begin([node_ids.CSV_EXAMPLE_GEN, node_ids.TRAINER])
    killed.node(node_ids.CSV_EXAMPLE_GEN, "running", 0.0)
    with store.locked(
        str(tmp_path), run_record.new(config, "scheduled", "c0de", run_record.ORCHESTRATOR, [node_ids.CSV_EXAMPLE_GEN])
    ) as other:
        other.enter(node_ids.CSV_EXAMPLE_GEN, "done", 1.0)

    cleanup.after_killed_runs(config, connection.reach(config.metadata_uri))

    records = {name: json.loads((tmp_path / "runs" / name / "run.json").read_text()) for name in ("killed", "scheduled")}
    assert {name: record["status"] for name, record in records.items()} == {"killed": "failed", "scheduled": "running"}
    assert [node["state"] for node in records["killed"]["nodes"]] == ["failed", "skipped"]
