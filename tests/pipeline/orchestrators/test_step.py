"""A step that cannot run, or ends before its time: its exit code, and the record. (Whole runs: tests/orchestrators.)"""

from __future__ import annotations

import fcntl
import json
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipeline import errors, node_ids
from pipeline import ir as compiled
from pipeline.config import pipeline_config
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.errors import NodeFailedError, TerminatedRunError, UsageError
from pipeline.execution import preflight
from pipeline.orchestrators import compiled_pipeline, finish, step, step_record
from pipeline.orchestrators.compiled_pipeline import CompiledPipeline

RUN = "taxi.manual__2026-01-31"


@pytest.fixture
def given(tmp_path: Path) -> PipelineConfig:
    return pipeline_config.load(None, (), {"output_dir": str(tmp_path)})


@pytest.fixture
def made(given: PipelineConfig) -> CompiledPipeline:
    return compiled_pipeline.compile_for_steps(given)


def record(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "runs" / RUN / "run.json").read_text())


def state(folder: Path) -> dict[str, str]:
    return {node["id"]: node["state"] for node in record(folder)["nodes"]}


def test_a_folder_that_a_run_has_to_itself_is_worth_another_try(
    given: PipelineConfig, made: CompiledPipeline, tmp_path: Path
) -> None:
    with preflight.output_folder(given.output_dir):
        assert step.run(made, node_ids.CSV_EXAMPLE_GEN, RUN) == errors.NODE_FAILED
    assert (record(tmp_path)["status"], record(tmp_path)["exit_code"]) == ("failed", 1)
    assert "is using the output folder" in record(tmp_path)["why"]


def test_other_code_is_refused_and_the_end_of_the_run_says_so_too(made: CompiledPipeline, tmp_path: Path) -> None:
    other = msgspec.structs.replace(made, code="0123456789abcdef")
    assert step.run(other, node_ids.SCHEMA_GEN, RUN) == errors.USAGE
    assert finish.end(other, RUN) == errors.USAGE
    found = record(tmp_path)
    assert (found["status"], found["exit_code"]) == ("failed", 2)
    assert found["why"].startswith(
        f"The code here ({made.code}) is not what this pipeline was compiled from (0123456789abcdef)"
    )
    assert state(tmp_path) == dict.fromkeys(made.upstream, "skipped") | {node_ids.SCHEMA_GEN: "failed"}


def test_a_missing_secret_is_named_by_every_step_and_at_the_end(
    made: CompiledPipeline, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    needing = msgspec.structs.replace(made, secrets={"MLMD_TOKEN": "login"})
    assert step.run(needing, node_ids.SCHEMA_GEN, RUN) == errors.USAGE
    last = capfd.readouterr().err.splitlines()[-1]
    assert "MLMD_TOKEN is not set: there is no Secret 'login'" in last and "kubectl create secret generic login" in last
    with pytest.raises(UsageError, match="MLMD_TOKEN is not set"):
        finish.end(needing, RUN)


def test_a_node_behind_the_reader_does_not_need_the_raw_data(
    made: CompiledPipeline, given: PipelineConfig, tmp_path: Path
) -> None:
    gone = msgspec.structs.replace(given, data_path=str(tmp_path / "archived.csv"))
    with pytest.raises(errors.InputError, match=r"archived\.csv"):
        compiled.compile_pipeline(gone, RUN)
    ir = compiled.compile_pipeline(compiled.without_data(gone), RUN)
    assert set(compiled.node_ids(ir)) == set(made.upstream)


def test_data_that_is_not_there_is_said_as_by_run(
    made: CompiledPipeline, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert step.run(made, node_ids.CSV_EXAMPLE_GEN, RUN, ("data.path=/nowhere/trips.csv",)) == errors.USAGE
    assert "/nowhere/trips.csv" in record(tmp_path)["why"]
    last = capfd.readouterr().err.splitlines()[-1]
    assert last == f"Failed. {record(tmp_path)['why']}"


def test_an_unknown_node_and_an_unknown_setting(made: CompiledPipeline) -> None:
    with pytest.raises(UsageError, match=r"There is no node 'Trainor'\. The nodes are: CsvExampleGen, "):
        step.run(made, "Trainor", RUN)
    with pytest.raises(UsageError, match=r"Did you mean 'train\.steps'"):
        step.run(made, node_ids.TRAINER, RUN, ("train.step=3",))


def test_a_run_whose_first_node_never_ran_has_failed(made: CompiledPipeline, tmp_path: Path) -> None:
    assert finish.end(made, RUN) == errors.NODE_FAILED
    assert record(tmp_path)["why"].startswith("Node CsvExampleGen failed: it never ran, or was killed.")


def test_a_run_whose_node_was_killed_has_failed(given: PipelineConfig, made: CompiledPipeline, tmp_path: Path) -> None:
    observer = step_record.Observer(made, given, RUN)
    observer.node(node_ids.CSV_EXAMPLE_GEN, "done", 1.0)
    observer.node(node_ids.STATISTICS_GEN, "running", 0.0)
    assert finish.end(made, RUN) == errors.NODE_FAILED
    assert record(tmp_path)["why"].startswith("Node StatisticsGen failed: it never ran, or was killed.")


def test_an_interrupted_run_stays_one_until_it_goes_on(given: PipelineConfig, made: CompiledPipeline, tmp_path: Path) -> None:
    observer = step_record.Observer(made, given, RUN)
    observer.node(node_ids.CSV_EXAMPLE_GEN, "running", 0.0)
    stopped = TerminatedRunError("Stopped by SIGTERM.")
    assert step.record_failure(made, given, node_ids.CSV_EXAMPLE_GEN, RUN, stopped) == errors.TERMINATED
    assert finish.end(made, RUN) == errors.TERMINATED
    assert (record(tmp_path)["status"], state(tmp_path)[node_ids.STATISTICS_GEN]) == ("interrupted", "skipped")
    observer.node(node_ids.SCHEMA_GEN, "running", 0.0)  # another branch
    assert (record(tmp_path)["status"], record(tmp_path)["exit_code"]) == ("interrupted", 143)
    observer.node(node_ids.CSV_EXAMPLE_GEN, "running", 0.0)  # another try
    assert (record(tmp_path)["status"], record(tmp_path)["exit_code"], record(tmp_path)["why"]) == ("running", None, "")
    assert (state(tmp_path)[node_ids.STATISTICS_GEN], state(tmp_path)[node_ids.PUSHER]) == ("waiting", "waiting")
    assert state(tmp_path)[node_ids.SCHEMA_GEN] == "running"


def test_why_a_node_has_failed_outlives_a_branch_that_goes_on(
    given: PipelineConfig, made: CompiledPipeline, tmp_path: Path
) -> None:
    failure = NodeFailedError(node_ids.CSV_EXAMPLE_GEN, "ValueError: as told")
    assert step.record_failure(made, given, node_ids.CSV_EXAMPLE_GEN, RUN, failure) == errors.NODE_FAILED
    step_record.Observer(made, given, RUN).node(node_ids.SCHEMA_GEN, "done", 1.0)
    assert finish.end(made, RUN) == errors.NODE_FAILED
    assert record(tmp_path)["why"] == "Node CsvExampleGen failed: ValueError: as told"


def test_a_second_try_waits_for_one_that_is_still_at_work(given: PipelineConfig, tmp_path: Path) -> None:
    entered, entering = threading.Event(), threading.Event()

    def try_again() -> None:
        entering.set()
        with step.node_lock(given, node_ids.TRAINER, RUN):
            entered.set()

    with step.node_lock(given, node_ids.TRAINER, RUN):
        second = threading.Thread(target=try_again)
        second.start()
        assert entering.wait(20)
        with step.node_lock(given, node_ids.EVALUATOR, RUN), step.node_lock(given, node_ids.TRAINER, "another run"):
            pass  # they do not wait for each other
        assert not entered.wait(0.2)
    assert entered.wait(20)
    second.join()
    with (tmp_path / "runs" / RUN / ".Trainer.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
