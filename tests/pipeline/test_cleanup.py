"""What is cleaned up before a run, and what is left alone. (A run that was really killed: tests/e2e/test_faults.py.)"""

from __future__ import annotations

import json
from pathlib import Path

from pipeline import cleanup, config, metadata_store, record, states


def test_a_run_of_an_orchestrator_is_at_work_between_two_of_its_processes_too(tmp_path: Path) -> None:
    given = config.load(None, (), {"output_dir": str(tmp_path)})
    killed = record.Recorder(given, "killed", "c0de", "local")
    killed.begin(["CsvExampleGen", "Trainer"])
    killed.node("CsvExampleGen", states.RUNNING, 0.0)
    with record.shared(str(tmp_path), record.new(given, "scheduled", "c0de", record.ORCHESTRATOR, ["CsvExampleGen"])) as other:
        other.enter("CsvExampleGen", states.DONE, 1.0)

    cleanup.after_killed_runs(given, metadata_store.reach(given.metadata_uri))

    found = {name: json.loads((tmp_path / "runs" / name / "run.json").read_text()) for name in ("killed", "scheduled")}
    assert {name: kept["status"] for name, kept in found.items()} == {"killed": "failed", "scheduled": "running"}
    assert [node["state"] for node in found["killed"]["nodes"]] == ["failed", "skipped"]
