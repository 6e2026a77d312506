"""Whole runs of the toy dataset, in one output folder, in the order in which they stand here."""

import json
import shutil

import pytest

from pipeline.config import pipeline_config
from pipeline.orchestrators import compiled_pipeline, finish, step_record
from tests.support import cli

QUICK = ("--dataset", "toy.fruit", "--set", "train.steps=150", "--set", "train.batch_size=50")
NODES = [
    "CsvExampleGen", "SchemaGen", "StatisticsGen", "ExampleValidator", "DataGate", "LatestBlessedModel",
    "LatestTuned", "Transform",
    "Trainer", "ChampionGate", "Evaluator", "Pusher",
]  # fmt: skip


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    return tmp_path_factory.mktemp("runs") / "fruit"


@pytest.fixture(scope="module")
def go(output, toy):
    """Runs into the shared folder."""
    return lambda *args: cli.run(output, *QUICK, *args, path=toy)


@pytest.fixture(scope="module")
def first(output, toy):
    """The first run of all, in a process that a shell would start: what such a process prints at its start is part of it."""
    return cli.run(output, *QUICK, path=toy, new_process=True)


def test_the_first_run_pushes_a_model(first, output):
    assert first.code == 0, first.err
    record = first.record
    assert (record["status"], record["exit_code"], record["blessed"], record["baseline"]) == ("pushed", 0, True, None)
    assert first.states() == dict.fromkeys(NODES, "done") | {n["id"]: n["state"] for n in record["nodes"]}
    assert set(first.states().values()) == {"done"}
    assert record["rows"]["train"] + record["rows"]["eval"] == 900
    assert record["train"] == {"steps": 150, "resumed_from": 0, "ended_by": "steps", "best_step": 150}
    assert record["hyperparameters"]["embedding_dim"] == 8
    assert record["metrics"]["auc"] > 0.9
    assert record["metrics"]["accuracy_skill"] > 0.2
    assert record["metrics"]["example_count"] == record["rows"]["eval"]
    assert [g["decision"] for g in record["gates"]] == ["passed"] * 3
    assert record["pushed_path"] == f"{output}/serving/{cli.served_versions(output)[0]}"
    assert (output / "runs" / record["run_id"] / "run.json").read_text() == (output / "run.json").read_text()


def test_where_the_steps_share_no_disk_the_end_writes_the_same_record(first, output, toy, monkeypatch):
    """As on object storage: nothing but MLMD says what has become of the nodes."""
    for module in (finish, step_record):
        monkeypatch.setattr(module, "is_remote", lambda path: True)
    (output / "run.json").unlink()
    given = pipeline_config.load(None, [*QUICK[3::2]], {"dataset": QUICK[1], "output_dir": str(output)})
    assert finish.end(compiled_pipeline.compile_for_steps(given), first.record["run_id"]) == 0
    record = json.loads((output / "run.json").read_text())
    assert (output / "runs" / record["run_id"] / "run.json").read_text() == (output / "run.json").read_text()
    took = {n["id"]: n["seconds"] for n in record["nodes"]}
    assert 0.5 < took["Trainer"] < record["seconds"]
    assert untimed(record) == untimed(first.record) | {"runner": "orchestrator"}


def untimed(record):
    """The record without what the clock said."""
    clock = ("seconds", "started", "finished")
    nodes = [{key: value for key, value in node.items() if key not in clock} for node in record["nodes"]]
    return {key: value for key, value in record.items() if key not in clock} | {"nodes": nodes}


def test_the_screen_shows_nodes_metrics_and_how_to_serve_and_no_noise(first, output):
    for word in (*NODES, "auc", "Blessed and pushed", f"--model_base_path={output}/serving"):
        assert word in first.out
    for noise in ("WARNING", "tensorflow/", "absl", "Traceback"):
        assert noise not in first.out + first.err
    [log] = (output / "logs").iterdir()
    assert "Execution" in log.read_text()


def test_checkpoints_and_summaries_lie_in_the_checkpoint_folder_and_not_in_the_model(first, output):
    [checkpoints] = (output / "checkpoints").iterdir()
    names = [p.name for p in checkpoints.rglob("*")]
    assert any(n.startswith("model.ckpt-150") for n in names)
    assert any("tfevents" in n for n in names)
    served = {str(p.relative_to(first.record["pushed_path"])) for p in (output / "serving").rglob("*") if p.is_file()}
    assert not [n for n in served if "ckpt" in n or "tfevents" in n]
    assert {"saved_model.pb", "variables/variables.index", "assets.extra/dataset.json"} <= served


def test_an_unchanged_rerun_does_no_work_and_says_so(first, go, output):
    before = cli.served_versions(output)
    again = go()
    assert (again.code, again.record["status"]) == (0, "unchanged"), again.err
    assert "Nothing has changed" in again.out
    assert again.states()["Evaluator"] == again.states()["Pusher"] == "skipped"
    assert {again.states()[n] for n in ("CsvExampleGen", "StatisticsGen", "Transform", "Trainer")} == {"cached"}
    assert cli.served_versions(output) == before
    assert again.record["metrics"] == first.record["metrics"]


def test_a_model_that_is_no_longer_served_is_pushed_again(first, go, output):
    shutil.rmtree(output / "serving")
    again = go()
    assert (again.code, again.record["status"]) == (0, "pushed"), again.err
    assert again.states()["Trainer"] == "cached"
    assert len(cli.served_versions(output)) == 1


def test_a_worse_model_is_refused_with_metric_slice_value_and_bound(first, go, output):
    before = cli.served_versions(output)
    worse = go("--set", "train.steps=15", "--set", "hyperparameters.learning_rate=0.001")
    assert (worse.code, worse.record["status"], worse.record["blessed"]) == (3, "refused", False), worse.err
    assert cli.served_versions(output) == before
    assert worse.states()["Evaluator"] == "done"
    assert worse.states()["Pusher"] == "skipped"
    assert worse.record["baseline"] == {"run_id": first.record["run_id"], "model": "custom_wide_deep"}
    [gate] = [g for g in worse.record["gates"] if g["decision"] == "refused"]
    assert gate["id"] == "Evaluator"
    assert gate["slice"] == "overall"
    assert gate["value"] < gate["bound"]
    assert "against the latest blessed model" in worse.err
    assert "auc overall changed by -" in worse.err


@pytest.mark.slow
def test_more_steps_continue_from_the_checkpoint_and_fewer_start_afresh(first, go):
    more = go("--set", "train.steps=200").record["train"]
    assert (more["resumed_from"], more["steps"]) == (150, 200)
    fewer = go("--set", "train.steps=90").record["train"]
    assert (fewer["resumed_from"], fewer["steps"]) == (0, 90)


def test_a_constant_model_is_refused_for_its_skill(first, go, output):
    before = cli.served_versions(output)
    constant = go("--model", "toy.constant")
    assert constant.code == 3, constant.err
    assert "accuracy_skill overall is" in constant.err
    assert constant.record["metrics"]["accuracy_skill"] <= 0
    assert cli.served_versions(output) == before


def test_from_a_node_takes_over_what_lies_before(first, go):
    partial = go("--from", "Trainer", "--no-cache")
    assert partial.code == 0, partial.err
    assert {partial.states()[n] for n in NODES[:5]} == {"reused"}
    assert partial.states()["Trainer"] == "done"
    # The same transformed examples, seed and topology: the same weights, and the same numbers.
    assert partial.record["metrics"] == pytest.approx(first.record["metrics"], rel=1e-6)


def test_to_a_node_stops_behind_it(first, go, output):
    before = cli.served_versions(output)
    partial = go("--to", "StatisticsGen")
    assert (partial.code, partial.record["status"]) == (0, "unchanged"), partial.err
    assert partial.states()["Transform"] == "skipped"
    assert cli.served_versions(output) == before


@pytest.mark.slow
def test_an_edit_of_the_model_is_no_cache_hit_and_an_edit_of_the_rules_repeats_transform(first, go, toy):
    dataset = toy / "toy" / "fruit.py"
    model = toy / "toy" / "constant.py"
    before = dataset.read_text()
    go("--model", "toy.constant")
    model.write_text(model.read_text() + "\n# edited\n")
    edited = go("--model", "toy.constant").states()
    assert (edited["Transform"], edited["Trainer"]) == ("cached", "done")
    try:
        dataset.write_text(before.replace("buckets=5", "buckets=6"))
        edited = go("--to", "Transform").states()
        assert (edited["Transform"], edited["StatisticsGen"]) == ("done", "done")
    finally:
        dataset.write_text(before)


def test_a_baseline_that_no_longer_fits_is_set_aside_with_the_reason(first, go, toy, output):
    dataset = toy / "toy" / "fruit.py"
    before = dataset.read_text()
    try:
        dataset.write_text(before.replace('Categorical("crate", size=4)', 'Numeric("crate", dtype="float32")'))
        changed = go()
    finally:
        dataset.write_text(before)
    assert (changed.code, changed.record["status"]) == (0, "pushed"), changed.err
    assert "set aside" in changed.out
    assert "'crate' as int64, which is float32 now" in next(g for g in changed.record["gates"] if g["id"] == "Evaluator")["why"]


def test_two_runs_do_not_share_an_output_folder(first, output, toy):
    import fcntl

    with (output / ".lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = cli.run(output, *QUICK, path=toy)
    assert second.code == 2
    assert "Another run" in second.err


def test_the_beam_runner_comes_to_the_same_result(first, toy, tmp_path):
    beam = cli.run(tmp_path / "beam", *QUICK, "--runner", "beam", path=toy)
    assert (beam.code, beam.record["status"]) == (0, "pushed"), beam.err
    assert beam.record["rows"] == first.record["rows"]
    assert beam.record["metrics"]["auc"] == pytest.approx(first.record["metrics"]["auc"], abs=0.02)
    assert json.loads((tmp_path / "beam" / "run.json").read_text())["nodes"]
