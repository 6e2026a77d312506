"""run.json on disk: its keys, its two copies, and atomic writes."""

import json
import threading
from pathlib import Path

import msgspec
import pytest

from data import metric_names
from pipeline import node_ids
from pipeline.config import pipeline_config
from pipeline.record import run_record, store

# The keys that scripts and schedules rely on.
KEYS = {
    *("schema_version", "run_id", "dataset", "model", "status", "exit_code", "started", "finished", "seconds", "code"),
    *("data", "nodes", "rows", "train", "hyperparameters", "trials", "metrics", "gates", "blessed", "baseline", "why"),
    "pushed_path",
    "runner",
    "plot",
    "trials_plot",
}


@pytest.fixture
def recorder(tmp_path):
    return begin_run(tmp_path, "run-1")


def begin_run(folder, run_id: str) -> store.Recorder:
    recorder = store.Recorder(pipeline_config.load(None, [], {"output_dir": str(folder)}), run_id, "c0de", "local")
    recorder.begin([node_ids.CSV_EXAMPLE_GEN, node_ids.TRAINER, node_ids.PUSHER])
    return recorder


def new_orchestrated_record(folder, run_id: str) -> run_record.RunRecord:
    """A new record of an orchestrated run."""
    config = pipeline_config.load(None, [], {"output_dir": str(folder)})
    return run_record.new(config, run_id, "c0de", run_record.ORCHESTRATOR, [node_ids.CSV_EXAMPLE_GEN, node_ids.TRAINER])


def on_disk(folder) -> dict:
    return json.loads((folder / "run.json").read_bytes())


def test_the_record_has_the_keys_that_scripts_rely_on(recorder, tmp_path):
    recorder.record.gates = [run_record.GateRecord(id=node_ids.DATA_GATE, decision="refused", why="Because.")]
    recorder.write()
    text = on_disk(tmp_path)
    assert text.keys() == KEYS
    assert text["nodes"][0].keys() == {"id", "state", "seconds", "cached"}
    assert text["gates"][0].keys() == {"id", "decision", "why", "warnings", "metric", "slice", "value", "bound"}


def test_the_record_of_a_run_is_on_disk_from_its_start(recorder, tmp_path):
    text = on_disk(tmp_path)
    assert text["schema_version"] == 1
    assert (text["run_id"], text["dataset"], text["model"]) == ("run-1", "taxi", "custom_wide_deep")
    assert (text["code"], text["data"]) == ("c0de", pipeline_config.load(None, [], {}).data_path)
    assert (text["status"], text["exit_code"], text["finished"]) == ("running", None, None)
    assert text["started"].endswith("+00:00")
    assert [n["id"] for n in text["nodes"]] == [node_ids.CSV_EXAMPLE_GEN, node_ids.TRAINER, node_ids.PUSHER]
    assert {n["state"] for n in text["nodes"]} == {"waiting"}


def test_both_copies_are_equal(recorder, tmp_path):
    recorder.node(node_ids.TRAINER, "running", 0.0)
    copy = (tmp_path / "run.json").read_bytes()
    assert copy == (tmp_path / "runs" / "run-1" / "run.json").read_bytes()
    assert copy.endswith(b"}\n")


def test_the_copy_is_of_the_newest_run(tmp_path):
    begin_run(tmp_path, "run-1").finish("pushed", 0, "")
    begin_run(tmp_path, "run-2")
    assert on_disk(tmp_path)["run_id"] == "run-2"
    assert json.loads((tmp_path / "runs" / "run-1" / "run.json").read_bytes())["status"] == "pushed"


@pytest.mark.parametrize(("state", "cached"), [("done", False), ("cached", True), ("reused", True), ("failed", False)])
def test_a_node_is_written_with_state_seconds_and_cached(recorder, tmp_path, state, cached):
    recorder.node(node_ids.TRAINER, state, 1.23456)
    assert on_disk(tmp_path)["nodes"][1] == {"id": node_ids.TRAINER, "state": state, "seconds": 1.23, "cached": cached}


def test_nodes_that_still_wait_at_the_end_are_written_as_skipped(recorder, tmp_path):
    recorder.node(node_ids.CSV_EXAMPLE_GEN, "done", 1.0)
    recorder.node(node_ids.TRAINER, "failed", 2.0)
    recorder.finish("failed", 1, "Node Trainer failed.")
    text = on_disk(tmp_path)
    assert [n["state"] for n in text["nodes"]] == ["done", "failed", "skipped"]
    assert (text["status"], text["exit_code"], text["why"]) == ("failed", 1, "Node Trainer failed.")
    assert text["finished"] >= text["started"]


def test_a_reader_never_sees_a_partial_record(recorder, tmp_path):
    recorder.record.why = "because " * 20_000  # larger than one block of the disk
    recorder.write()
    files = [tmp_path / "run.json", tmp_path / "runs" / "run-1" / "run.json"]
    finished, read_errors, reasons = threading.Event(), [], []

    def reader() -> None:
        while not finished.is_set():
            for file in files:
                try:
                    reasons.append(json.loads(file.read_bytes())["why"])
                except Exception as error:
                    read_errors.append(error)

    thread = threading.Thread(target=reader)
    thread.start()
    for step in range(200):
        recorder.node(node_ids.TRAINER, "running", float(step))
    finished.set()
    thread.join()
    assert not read_errors
    assert set(reasons) == {recorder.record.why}


def test_a_write_leaves_no_other_file_in_the_folder(recorder, tmp_path):
    recorder.write()
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["run-1", "run.json", "run.json", "runs"]


def test_earlier_runs_come_newest_first(tmp_path):
    for run_id in (
        "20240101-000000-000001",
        "scheduled__2024-03-01",
        "manual__2024-02-01",
    ):  # orchestrators name their runs otherwise
        begin_run(tmp_path, run_id)
    assert [r.run_id[:6] for r in store.newest_first(str(tmp_path))] == ["manual", "schedu", "202401"]


def test_the_record_of_an_earlier_run_is_read_as_written(recorder, tmp_path):
    recorder.record.metrics = {metric_names.AUC: 0.9, metric_names.CALIBRATION: None}
    recorder.finish("pushed", 0, "Good.")
    (record,) = store.newest_first(str(tmp_path))
    assert msgspec.to_builtins(record) == msgspec.to_builtins(recorder.record)


@pytest.mark.parametrize(
    "broken",
    [b"", b'{"run_id": "run-2", "data', b"[]", b'{"run_id": 5}', b'{"run_id": "\xff"}'],
    ids=["empty", "cut short", "no record", "wrong type", "not UTF-8"],
)
def test_a_broken_record_is_skipped(tmp_path, broken):
    begin_run(tmp_path, "run-1")
    begin_run(tmp_path, "run-3")
    file = tmp_path / "runs" / "run-2" / "run.json"
    file.parent.mkdir()
    file.write_bytes(broken)
    assert [r.run_id for r in store.newest_first(str(tmp_path))] == ["run-3", "run-1"]


def test_a_folder_without_runs_has_no_records(tmp_path):
    assert list(store.newest_first(str(tmp_path / "none"))) == []


# A run whose nodes are separate processes.


def test_each_event_continues_the_record_of_its_run(tmp_path):
    for node, state in ((node_ids.CSV_EXAMPLE_GEN, "done"), (node_ids.TRAINER, "running")):
        with store.locked(str(tmp_path), new_orchestrated_record(tmp_path, "run-1")) as record:
            record.enter(node, state, 1.0)
    assert [(n["id"], n["state"]) for n in on_disk(tmp_path)["nodes"]] == [
        (node_ids.CSV_EXAMPLE_GEN, "done"),
        (node_ids.TRAINER, "running"),
    ]


def test_an_event_of_a_node_does_not_read_records_of_other_runs(tmp_path, monkeypatch):
    for number in range(20):
        begin_run(tmp_path, f"run-{number}")
    paths = []
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: paths.append(path) or read(path))
    for state in ("running", "done"):
        with store.locked(str(tmp_path), new_orchestrated_record(tmp_path, "scheduled")) as record:
            record.enter(node_ids.TRAINER, state, 1.0)
    assert {str(path.relative_to(tmp_path)) for path in paths} == {"run.json", "runs/scheduled/run.json"}
    assert len(paths) == 2 * 2  # two files for each event


def test_an_event_of_an_older_run_does_not_replace_the_copy_of_a_newer_one(tmp_path):
    older = new_orchestrated_record(tmp_path, "older")
    begin_run(tmp_path, "newer")
    with store.locked(str(tmp_path), older) as record:
        record.enter(node_ids.TRAINER, "done", 1.0)
    assert on_disk(tmp_path)["run_id"] == "newer"
    assert json.loads((tmp_path / "runs" / "older" / "run.json").read_text())["nodes"][1]["state"] == "done"


@pytest.mark.parametrize("copy", [None, b"", b'{"run_id": 5}'], ids=["missing", "empty", "not a record"])
@pytest.mark.parametrize(("continued", "copied"), [("older", None), ("newer", "newer")])
def test_only_an_event_of_the_newest_run_replaces_an_unreadable_copy(tmp_path, copy, continued, copied):
    new_records = {run_id: new_orchestrated_record(tmp_path, run_id) for run_id in ("older", "newer")}
    for run_id in new_records:
        with store.locked(str(tmp_path), new_records[run_id]):
            pass
    file = tmp_path / "run.json"
    file.unlink()
    if copy is not None:
        file.write_bytes(copy)
    with store.locked(str(tmp_path), new_records[continued]):
        pass
    if copied:
        assert on_disk(tmp_path)["run_id"] == copied
    else:
        assert not file.exists() or file.read_bytes() == copy


def test_a_second_process_waits_until_the_first_has_written(tmp_path):
    order = []
    with store.locked(str(tmp_path), new_orchestrated_record(tmp_path, "run-1")) as record:
        other = threading.Thread(target=lambda: second(tmp_path, order))
        other.start()
        record.enter(node_ids.CSV_EXAMPLE_GEN, "done", 1.0)
        order.append("first")
    other.join()
    assert order == ["first", "second"]
    assert [n["state"] for n in on_disk(tmp_path)["nodes"]] == ["done", "done"]


def second(folder, order) -> None:
    with store.locked(str(folder), new_orchestrated_record(folder, "run-1")) as record:
        order.append("second")
        record.enter(node_ids.TRAINER, "done", 1.0)


# Records of runs that have ended.


def test_rewriting_a_record_changes_the_copy_only_if_it_is_of_that_run(tmp_path):
    first = begin_run(tmp_path, "run-1").record
    latest = begin_run(tmp_path, "run-2").record
    first.why = latest.why = "It was killed."
    store.rewrite(str(tmp_path), first)
    assert (on_disk(tmp_path)["run_id"], on_disk(tmp_path)["why"]) == ("run-2", "")
    assert json.loads((tmp_path / "runs" / "run-1" / "run.json").read_text())["why"] == "It was killed."
    store.rewrite(str(tmp_path), latest)
    assert on_disk(tmp_path)["why"] == "It was killed."


def test_publishing_a_record_replaces_the_copy_unless_it_is_of_a_newer_run(tmp_path):
    older, newer = new_orchestrated_record(tmp_path, "older"), new_orchestrated_record(tmp_path, "newer")
    store.publish(str(tmp_path), newer)
    store.publish(str(tmp_path), older)
    assert on_disk(tmp_path)["run_id"] == "newer"
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"older", "newer"}
    store.publish(str(tmp_path), newer)  # a second time
    assert on_disk(tmp_path)["run_id"] == "newer"
