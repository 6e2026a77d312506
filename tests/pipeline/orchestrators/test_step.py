"""A step that cannot run or is interrupted: its exit code and the run record. (Whole runs: tests/orchestrators.)"""

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
from pipeline.orchestrators import compiled_pipeline, end_of_run, step, step_record
from pipeline.orchestrators.compiled_pipeline import CompiledPipeline

RUN = "taxi.manual__2026-01-31"


@pytest.fixture
def config(tmp_path: Path) -> PipelineConfig:
    return pipeline_config.load(None, (), {"output_dir": str(tmp_path)})


@pytest.fixture
def pipeline(config: PipelineConfig) -> CompiledPipeline:
    return compiled_pipeline.compile_for_steps(config)


def record(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "runs" / RUN / "run.json").read_text())


def state(folder: Path) -> dict[str, str]:
    return {node["id"]: node["state"] for node in record(folder)["nodes"]}


def test_an_output_folder_that_another_run_holds_is_a_failure_that_can_be_retried(
    config: PipelineConfig, pipeline: CompiledPipeline, tmp_path: Path
) -> None:
    with preflight.output_folder(config.output_dir):
        assert step.run(pipeline, node_ids.CSV_EXAMPLE_GEN, RUN) == errors.NODE_FAILED
    assert (record(tmp_path)["status"], record(tmp_path)["exit_code"]) == ("failed", 1)
    assert "is using the output folder" in record(tmp_path)["why"]


def test_a_step_and_the_end_step_refuse_other_code(pipeline: CompiledPipeline, tmp_path: Path) -> None:
    other = msgspec.structs.replace(pipeline, code="0123456789abcdef")
    assert step.run(other, node_ids.SCHEMA_GEN, RUN) == errors.USAGE
    assert end_of_run.end(other, RUN) == errors.USAGE
    run_record = record(tmp_path)
    assert (run_record["status"], run_record["exit_code"]) == ("failed", 2)
    assert run_record["why"].startswith(
        f"The code here ({pipeline.code}) differs from the code that this pipeline was compiled from (0123456789abcdef)"
    )
    assert state(tmp_path) == dict.fromkeys(pipeline.upstream, "skipped") | {node_ids.SCHEMA_GEN: "failed"}


def test_a_step_and_the_end_step_name_a_missing_secret(
    pipeline: CompiledPipeline, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pipeline_with_secret = msgspec.structs.replace(pipeline, secrets={"MLMD_TOKEN": "login"})
    assert step.run(pipeline_with_secret, node_ids.SCHEMA_GEN, RUN) == errors.USAGE
    last = capfd.readouterr().err.splitlines()[-1]
    assert "MLMD_TOKEN is not set: there is no Secret 'login'" in last and "kubectl create secret generic login" in last
    with pytest.raises(UsageError, match="MLMD_TOKEN is not set"):
        end_of_run.end(pipeline_with_secret, RUN)


def test_a_node_after_the_example_gen_does_not_need_the_raw_data(
    pipeline: CompiledPipeline, config: PipelineConfig, tmp_path: Path
) -> None:
    config_without_file = msgspec.structs.replace(config, data_path=str(tmp_path / "archived.csv"))
    with pytest.raises(errors.InputError, match=r"archived\.csv"):
        compiled.compile_pipeline(config_without_file, RUN)
    ir = compiled.compile_pipeline(compiled.without_data(config_without_file), RUN)
    assert set(compiled.ids_of_nodes(ir)) == set(pipeline.upstream)


def test_missing_data_gives_the_same_error_as_the_command_run(
    pipeline: CompiledPipeline, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert step.run(pipeline, node_ids.CSV_EXAMPLE_GEN, RUN, ("data.path=/nowhere/trips.csv",)) == errors.USAGE
    assert "/nowhere/trips.csv" in record(tmp_path)["why"]
    last = capfd.readouterr().err.splitlines()[-1]
    assert last == f"Failed. {record(tmp_path)['why']}"


def test_an_unknown_node_and_an_unknown_setting_are_refused(pipeline: CompiledPipeline) -> None:
    with pytest.raises(UsageError, match=r"There is no node 'Trainor'\. The nodes are: CsvExampleGen, "):
        step.run(pipeline, "Trainor", RUN)
    with pytest.raises(UsageError, match=r"Did you mean 'train\.steps'"):
        step.run(pipeline, node_ids.TRAINER, RUN, ("train.step=3",))


def test_a_run_whose_first_node_never_ran_has_failed(pipeline: CompiledPipeline, tmp_path: Path) -> None:
    assert end_of_run.end(pipeline, RUN) == errors.NODE_FAILED
    assert record(tmp_path)["why"].startswith("Node CsvExampleGen failed: it never ran, or was killed.")


def test_a_run_whose_node_was_killed_has_failed(config: PipelineConfig, pipeline: CompiledPipeline, tmp_path: Path) -> None:
    observer = step_record.StateWriter(pipeline, config, RUN)
    observer.node(node_ids.CSV_EXAMPLE_GEN, "done", 1.0)
    observer.node(node_ids.STATISTICS_GEN, "running", 0.0)
    assert end_of_run.end(pipeline, RUN) == errors.NODE_FAILED
    assert record(tmp_path)["why"].startswith("Node StatisticsGen failed: it never ran, or was killed.")


def test_an_interrupted_run_stays_interrupted_until_its_node_is_retried(
    config: PipelineConfig, pipeline: CompiledPipeline, tmp_path: Path
) -> None:
    observer = step_record.StateWriter(pipeline, config, RUN)
    observer.node(node_ids.CSV_EXAMPLE_GEN, "running", 0.0)
    stopped = TerminatedRunError("Stopped by SIGTERM.")
    assert step.record_failure(pipeline, config, node_ids.CSV_EXAMPLE_GEN, RUN, stopped) == errors.TERMINATED
    assert end_of_run.end(pipeline, RUN) == errors.TERMINATED
    assert (record(tmp_path)["status"], state(tmp_path)[node_ids.STATISTICS_GEN]) == ("interrupted", "skipped")
    observer.node(node_ids.SCHEMA_GEN, "running", 0.0)  # a node of another branch
    assert (record(tmp_path)["status"], record(tmp_path)["exit_code"]) == ("interrupted", 143)
    observer.node(node_ids.CSV_EXAMPLE_GEN, "running", 0.0)  # the interrupted node is retried
    assert (record(tmp_path)["status"], record(tmp_path)["exit_code"], record(tmp_path)["why"]) == ("running", None, "")
    assert (state(tmp_path)[node_ids.STATISTICS_GEN], state(tmp_path)[node_ids.PUSHER]) == ("waiting", "waiting")
    assert state(tmp_path)[node_ids.SCHEMA_GEN] == "running"


def test_the_reason_of_a_failure_stays_while_another_branch_continues(
    config: PipelineConfig, pipeline: CompiledPipeline, tmp_path: Path
) -> None:
    failure = NodeFailedError(node_ids.CSV_EXAMPLE_GEN, "ValueError: as told")
    assert step.record_failure(pipeline, config, node_ids.CSV_EXAMPLE_GEN, RUN, failure) == errors.NODE_FAILED
    step_record.StateWriter(pipeline, config, RUN).node(node_ids.SCHEMA_GEN, "done", 1.0)
    assert end_of_run.end(pipeline, RUN) == errors.NODE_FAILED
    assert record(tmp_path)["why"] == "Node CsvExampleGen failed: ValueError: as told"


def test_a_retry_waits_for_a_try_that_still_runs(config: PipelineConfig, tmp_path: Path) -> None:
    entered, about_to_enter = threading.Event(), threading.Event()

    def try_again() -> None:
        about_to_enter.set()
        with step.node_lock(config, node_ids.TRAINER, RUN):
            entered.set()

    with step.node_lock(config, node_ids.TRAINER, RUN):
        second = threading.Thread(target=try_again)
        second.start()
        assert about_to_enter.wait(20)
        with step.node_lock(config, node_ids.EVALUATOR, RUN), step.node_lock(config, node_ids.TRAINER, "another run"):
            pass  # another node or another run has its own lock
        assert not entered.wait(0.2)
    assert entered.wait(20)
    second.join()
    with (tmp_path / "runs" / RUN / ".Trainer.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
