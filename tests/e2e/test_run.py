"""Whole runs of the toy dataset, one after another in one output folder: their states, screen output and files.

A fixture makes all runs in a fixed order. Each test checks the results of one run.
"""

import fcntl
import json
import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from data import metric_names
from pipeline import node_ids
from pipeline.config import pipeline_config
from pipeline.orchestrators import compiled_pipeline, end_of_run, step_record
from tests.support import cli
from tests.support.dags import DATA_NODES, NODES

QUICK = ("--dataset", "toy.fruit", "--set", "train.steps=150", "--set", "train.batch_size=50")


@dataclass
class Run:
    """A run, and the content of the output folder after it.

    Attributes:
        result: exit code, output and record of the run.
        served: names of the versions in the serving folder.
        files: paths of all files, relative to the output folder.
    """

    result: cli.Result
    served: list[str]
    files: list[str]

    @property
    def record(self):
        return self.result.record

    @property
    def states(self):
        return self.result.states()


class Runs:
    """All runs of this file, in the order in which they are made."""

    def __init__(self, output, toy):
        self.output, self._toy = output, toy
        # A new process, as from a shell: what it prints at its start is part of the screen output.
        self.first = self._run(new_process=True)
        self.first_files = (output / "runs" / self.first.record["run_id"] / "run.json", output / "run.json")
        self.first_texts = [file.read_text() for file in self.first_files]
        self.completed_code, self.completed_texts = self._complete_the_record()
        self.unchanged = self._run()
        shutil.rmtree(output / "serving")
        self.pushed_again = self._run()
        self.worse = self._run("--set", "train.steps=15", "--set", "hyperparameters.learning_rate=0.001")
        self.constant = self._run("--model", "toy.constant")
        self.from_trainer = self._run("--from", node_ids.TRAINER, "--no-cache")
        self.to_statistics = self._run("--to", node_ids.STATISTICS_GEN)
        with edited(toy / "toy" / "fruit.py", 'Categorical("crate", size=4)', 'Numeric("crate", dtype="float32")'):
            self.changed = self._run()

    def _run(self, *arguments, **options):
        """Runs the pipeline and lists the files after the run. Returns a Run."""
        result = cli.run(self.output, *QUICK, *arguments, path=self._toy, **options)
        files = [str(path.relative_to(self.output)) for path in self.output.rglob("*") if path.is_file()]
        return Run(result, cli.served_versions(self.output), files)

    def _complete_the_record(self):
        """Writes the record of the first run again from MLMD alone, as on object storage. Returns (exit code, both records)."""
        config = pipeline_config.load(None, [*QUICK[3::2]], {"dataset": QUICK[1], "output_dir": str(self.output)})
        (self.output / "run.json").unlink()
        with pytest.MonkeyPatch.context() as patch:
            for module in (end_of_run, step_record):
                patch.setattr(module, "is_remote", lambda path: True)
            code = end_of_run.end(compiled_pipeline.compile_for_steps(config), self.first.record["run_id"])
        return code, [file.read_text() for file in self.first_files]


@contextmanager
def edited(file, before, after):
    """Replaces a text in a file for the duration of a `with`."""
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))
    try:
        yield
    finally:
        file.write_text(text)


@pytest.fixture(scope="module")
def runs(toy, tmp_path_factory):
    return Runs(tmp_path_factory.mktemp("runs") / "fruit", toy)


@pytest.fixture(scope="module")
def first(runs):
    return runs.first


def test_the_first_run_pushes_a_model(runs, first):
    assert first.result.code == 0, first.result.err
    record = first.record
    assert (record["status"], record["exit_code"], record["blessed"], record["baseline"]) == ("pushed", 0, True, None)
    assert first.states == dict.fromkeys(NODES, "done")
    assert record["rows"]["train"] + record["rows"]["eval"] == 900
    assert record["train"] == {"steps": 150, "resumed_from": 0, "ended_by": "steps", "best_step": 150}
    assert record["hyperparameters"]["embedding_dim"] == 8
    assert record["metrics"][metric_names.AUC] > 0.9
    assert record["metrics"][metric_names.ACCURACY_SKILL] > 0.2
    assert record["metrics"][metric_names.EXAMPLE_COUNT] == record["rows"]["eval"]
    assert [g["decision"] for g in record["gates"]] == ["passed"] * 3
    assert record["pushed_path"] == f"{runs.output}/serving/{first.served[0]}"
    record_of_run, newest_record = runs.first_texts
    assert record_of_run == newest_record


def test_steps_without_a_shared_disk_lead_to_the_same_record(runs, first):
    assert runs.completed_code == 0
    record_of_run, newest_record = runs.completed_texts
    assert record_of_run == newest_record
    record = json.loads(newest_record)
    seconds = {n["id"]: n["seconds"] for n in record["nodes"]}
    assert 0 < seconds[node_ids.TRAINER] < record["seconds"]
    assert untimed(record) == untimed(first.record) | {"runner": "orchestrator"}


def untimed(record):
    """Returns a record without its times."""
    times = ("seconds", "started", "finished")
    nodes = [{key: value for key, value in node.items() if key not in times} for node in record["nodes"]]
    return {key: value for key, value in record.items() if key not in times} | {"nodes": nodes}


def test_the_screen_shows_nodes_metrics_and_how_to_serve_without_noise(runs, first):
    for word in (*NODES, metric_names.AUC, "Blessed and pushed", f"--model_base_path={runs.output}/serving"):
        assert word in first.result.out
    for noise in ("WARNING", "tensorflow/", "absl", "Traceback"):
        assert noise not in first.result.out + first.result.err
    log = runs.output / "logs" / f"{first.record['run_id']}.log"
    assert [file for file in first.files if file.startswith("logs/")] == [f"logs/{log.name}"]
    assert "Execution" in log.read_text()


def test_checkpoints_and_summaries_are_in_the_checkpoint_folder_and_not_in_the_model(first):
    training = [file for file in first.files if file.startswith("checkpoints/")]
    assert len({Path(file).parts[1] for file in training}) == 1
    assert any(Path(file).name.startswith("model.ckpt-150") for file in training)
    assert any("tfevents" in file for file in training)
    [version] = first.served
    served = {file.removeprefix(f"serving/{version}/") for file in first.files if file.startswith("serving/")}
    assert not [file for file in served if "ckpt" in file or "tfevents" in file]
    assert {"saved_model.pb", "variables/variables.index", "assets.extra/dataset.json"} <= served


def test_an_unchanged_rerun_does_no_work_and_says_so(runs, first):
    again = runs.unchanged
    assert (again.result.code, again.record["status"]) == (0, "unchanged"), again.result.err
    assert "Nothing has changed" in again.result.out
    assert again.states[node_ids.EVALUATOR] == again.states[node_ids.PUSHER] == "skipped"
    cached = (node_ids.CSV_EXAMPLE_GEN, node_ids.STATISTICS_GEN, node_ids.TRANSFORM, node_ids.TRAINER)
    assert {again.states[n] for n in cached} == {"cached"}
    assert again.served == first.served
    assert again.record["metrics"] == first.record["metrics"]


def test_a_model_that_is_no_longer_served_is_pushed_again(runs):
    again = runs.pushed_again
    assert (again.result.code, again.record["status"]) == (0, "pushed"), again.result.err
    assert again.states[node_ids.TRAINER] == "cached"
    assert len(again.served) == 1


def test_a_worse_model_is_refused_with_metric_slice_value_and_bound(runs, first):
    worse = runs.worse
    assert (worse.result.code, worse.record["status"], worse.record["blessed"]) == (3, "refused", False), worse.result.err
    assert worse.served == runs.pushed_again.served
    assert worse.states[node_ids.EVALUATOR] == "done"
    assert worse.states[node_ids.PUSHER] == "skipped"
    assert worse.record["baseline"] == {"run_id": first.record["run_id"], "model": "custom_wide_deep"}
    [gate] = [g for g in worse.record["gates"] if g["decision"] == "refused"]
    assert gate["id"] == node_ids.EVALUATOR
    assert gate["slice"] == "overall"
    assert gate["value"] < gate["bound"]
    assert "against the latest blessed model" in worse.result.err
    assert "auc overall changed by -" in worse.result.err


def test_a_constant_model_is_refused_for_its_skill(runs):
    constant = runs.constant
    assert constant.result.code == 3, constant.result.err
    assert "accuracy_skill overall is" in constant.result.err
    assert constant.record["metrics"][metric_names.ACCURACY_SKILL] <= 0
    assert constant.served == runs.worse.served


def test_a_run_from_a_node_reuses_the_outputs_of_earlier_nodes(runs, first):
    partial = runs.from_trainer
    assert partial.result.code == 0, partial.result.err
    assert {partial.states[n] for n in DATA_NODES} == {"reused"}
    assert partial.states[node_ids.TRAINER] == "done"
    # The same transformed examples, seed and topology give the same weights, so the same metrics.
    assert partial.record["metrics"] == pytest.approx(first.record["metrics"], rel=1e-6)


def test_a_run_to_a_node_stops_after_it(runs):
    partial = runs.to_statistics
    assert (partial.result.code, partial.record["status"]) == (0, "unchanged"), partial.result.err
    assert partial.states[node_ids.TRANSFORM] == "skipped"
    assert partial.served == runs.from_trainer.served


def test_a_baseline_that_no_longer_fits_is_not_used_and_the_reason_is_shown(runs):
    changed = runs.changed
    assert (changed.result.code, changed.record["status"]) == (0, "pushed"), changed.result.err
    assert "The latest blessed model was not used as the baseline:" in changed.result.out
    [evaluator] = [g for g in changed.record["gates"] if g["id"] == node_ids.EVALUATOR]
    assert "'crate' as int64, but it is float32 now" in evaluator["why"]


def test_the_beam_runner_gives_the_same_result(first, toy, tmp_path):
    beam = cli.run(tmp_path / "beam", *QUICK, "--runner", "beam", path=toy)
    assert (beam.code, beam.record["status"]) == (0, "pushed"), beam.err
    assert beam.record["rows"] == first.record["rows"]
    assert beam.record["metrics"][metric_names.AUC] == pytest.approx(first.record["metrics"][metric_names.AUC], abs=0.02)
    assert json.loads((tmp_path / "beam" / "run.json").read_text())["nodes"]


def test_two_runs_do_not_share_an_output_folder(toy, tmp_path):
    with (tmp_path / ".lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = cli.run(tmp_path, *QUICK, path=toy)
    assert second.code == 2
    assert "Another run" in second.err


@pytest.mark.slow
def test_more_steps_continue_from_the_checkpoint_and_fewer_start_from_zero(toy, tmp_path):
    def train(steps):
        """Trains up to a step. Returns (first step, last step)."""
        result = cli.run(tmp_path, *QUICK, "--to", node_ids.TRAINER, "--set", f"train.steps={steps}", path=toy)
        return result.record["train"]["resumed_from"], result.record["train"]["steps"]

    assert train(150) == (0, 150)
    assert train(200) == (150, 200)
    assert train(90) == (0, 90)


@pytest.mark.slow
def test_an_edited_model_runs_the_trainer_again_and_edited_features_run_transform_again(toy, tmp_path):
    def states(node):
        """Runs up to a node. Returns node -> state."""
        return cli.run(tmp_path, *QUICK, "--model", "toy.constant", "--to", node, path=toy).states()

    assert states(node_ids.TRAINER)[node_ids.TRAINER] == "done"
    assert states(node_ids.TRAINER)[node_ids.TRAINER] == "cached"
    with edited(toy / "toy" / "constant.py", "import tensorflow as tf", "import tensorflow as tf  # edited"):
        states_after_edit = states(node_ids.TRAINER)
    assert (states_after_edit[node_ids.TRANSFORM], states_after_edit[node_ids.TRAINER]) == ("cached", "done")
    with edited(toy / "toy" / "fruit.py", "buckets=5", "buckets=6"):
        states_after_edit = states(node_ids.TRANSFORM)
    assert (states_after_edit[node_ids.TRANSFORM], states_after_edit[node_ids.STATISTICS_GEN]) == ("done", "done")
