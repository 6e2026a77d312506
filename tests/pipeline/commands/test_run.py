"""The start and the end of a run. No node runs here. (Whole runs: tests/e2e.)"""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Callable
from types import ModuleType

import pytest
from rich.console import Console

from pipeline import errors, ir, node_ids
from pipeline.commands import run
from pipeline.commands.run import NodeRange, StartedRun
from pipeline.config import pipeline_config
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.execution.nodes import Nodes
from pipeline.execution.runners import RUNNERS
from pipeline.record import store
from pipeline.record.run_record import NodeState
from tests.support.dags import BEFORE_TRAINER, DATA_NODES, FROM_TRAINER, NODES


@pytest.fixture
def config(tmp_path) -> PipelineConfig:
    return pipeline_config.load(None, (), {"output_dir": str(tmp_path)})


@pytest.fixture
def compilations(monkeypatch) -> list[PipelineConfig]:
    """The configurations whose DAG was created, in order."""
    calls = []
    create = ir.create_pipeline
    monkeypatch.setattr(ir, "create_pipeline", lambda config: calls.append(config) or create(config))
    return calls


def earlier_run(config: PipelineConfig, run_id: str, states: dict[str, NodeState]) -> None:
    recorder = store.Recorder(config, run_id, "c0de", "local")
    recorder.begin(states)
    for node, state in states.items():
        recorder.node(node, state, 1.0)
    recorder.finish("pushed", 0, "")


def nodes_to_run(started: StartedRun) -> set[str]:
    """The nodes that the run will execute."""
    nodes = (node.pipeline_node for node in started.ir.nodes)
    return {node.node_info.id for node in nodes if not node.execution_options.HasField("skip")}


# The start.


def test_a_run_compiles_its_dag_once_and_writes_its_record_before_any_node_runs(config, compilations):
    started = run.start(config, "one", "beam", NodeRange())
    assert len(compilations) == 1
    [record] = store.newest_first(config.output_dir)
    assert (record.run_id, record.runner, record.status) == ("one", "beam", "running")
    assert {node.id for node in record.nodes} == nodes_to_run(started) == set(NODES)


def test_a_run_that_starts_from_a_node_compiles_its_dag_once_too(config, compilations):
    earlier_run(config, "earlier", dict.fromkeys(BEFORE_TRAINER, "done"))
    started = run.start(config, "one", "local", NodeRange(node_ids.TRAINER))
    assert len(compilations) == 1
    assert nodes_to_run(started) == set(FROM_TRAINER)


def test_a_run_that_stops_at_a_node_runs_no_node_after_it(config):
    started = run.start(config, "one", "local", NodeRange(to_node=node_ids.STATISTICS_GEN))
    assert nodes_to_run(started) == {node_ids.CSV_EXAMPLE_GEN, node_ids.STATISTICS_GEN}


def test_from_reuses_the_newest_run_in_which_all_earlier_nodes_succeeded(config):
    earlier_run(config, "1", dict.fromkeys(BEFORE_TRAINER, "done"))
    earlier_run(config, "2", dict.fromkeys(DATA_NODES, "cached") | {node_ids.TRANSFORM: "reused", node_ids.TRAINER: "failed"})
    earlier_run(config, "3", dict.fromkeys(DATA_NODES, "done") | {node_ids.TRANSFORM: "failed"})
    earlier_run(config, "4", dict.fromkeys(DATA_NODES, "done"))
    started = run.start(config, "one", "local", NodeRange(node_ids.TRAINER))
    snapshot = started.ir.runtime_spec.snapshot_settings
    assert snapshot.base_pipeline_run_strategy.base_run_id == "2"


def test_from_without_such_a_run_is_an_error_and_leaves_no_record(config):
    with pytest.raises(errors.UsageError, match=r"(?s)--from Trainer .*CsvExampleGen.*Transform.*Run without --from first"):
        run.start(config, "one", "local", NodeRange(node_ids.TRAINER))
    assert list(store.newest_first(config.output_dir)) == []


@pytest.mark.parametrize("node_range", [NodeRange("Trainr"), NodeRange(to_node="Trainr")])
def test_the_error_for_an_unknown_node_lists_the_nodes(config, node_range):
    with pytest.raises(errors.UsageError, match=r"There is no node 'Trainr'\. The nodes are: CsvExampleGen, .*Pusher"):
        run.start(config, "one", "local", node_range)


# The nodes.


@pytest.fixture
def execute_with(config, monkeypatch) -> Callable[[Callable[[Nodes, int], None]], tuple[StartedRun, object]]:
    """Returns a function: body of a runner -> (the run, the failure that ended it early)."""
    started = run.start(config, "one", "local", NodeRange())

    def execute(runner: Callable[[Nodes, int], None]) -> tuple[StartedRun, object]:
        module = ModuleType("a_runner")
        module.run = runner
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(run.RUNNERS, "test", module.__name__)
        return started, run.execute(started, "test", Console(file=io.StringIO()))

    return execute


def test_a_runner_gets_the_nodes_and_they_write_their_states_into_the_record(execute_with, config):
    def runner(nodes: Nodes, parallel: int) -> None:
        assert parallel >= 1
        nodes.observer.node(node_ids.SCHEMA_GEN, "done", 2.0)

    _, failure = execute_with(runner)
    assert failure is None
    [record] = store.newest_first(config.output_dir)
    assert (record.node(node_ids.SCHEMA_GEN).state, record.node(node_ids.SCHEMA_GEN).seconds) == ("done", 2.0)


@pytest.mark.parametrize(
    "failure",
    [errors.NodeFailedError(node_ids.TRAINER, "OOM"), errors.TerminatedRunError("Stopped by SIGTERM.")],
    ids=lambda e: str(e),
)
def test_the_failure_that_ends_a_run_early_is_returned(execute_with, failure):
    def runner(nodes: Nodes, parallel: int) -> None:
        raise failure

    assert execute_with(runner)[1] is failure


def test_a_bug_ends_the_record_too(execute_with, config):
    def runner(nodes: Nodes, parallel: int) -> None:
        raise KeyError("fare")

    with pytest.raises(KeyError):
        execute_with(runner)
    [record] = store.newest_first(config.output_dir)
    assert (record.status, record.exit_code, record.why) == ("failed", 1, "KeyError: 'fare'")


@pytest.mark.parametrize("module", RUNNERS.values())
def test_every_runner_can_be_imported(module):
    assert callable(importlib.import_module(module).run)


# The end.


def finished(config: PipelineConfig, failure: BaseException | None, to_node: str | None = None) -> tuple[int, str, str]:
    """Finishes a run. Returns its exit code and the texts on standard output and standard error."""
    started = run.start(config, "one", "local", NodeRange())
    out, err = io.StringIO(), io.StringIO()
    code = run.finish(started, failure, to_node, Console(file=out, width=200), Console(file=err, width=40))
    return code, out.getvalue(), err.getvalue()


def test_a_failure_is_printed_with_the_log_and_without_a_summary(config):
    code, out, err = finished(
        config, errors.NodeFailedError(node_ids.TRAINER, "ValueError: 5 [rows] are too few for anything at all")
    )
    assert (code, out) == (1, "")
    assert err == (
        "Failed. Node Trainer failed: ValueError: 5 [rows] are too few for anything at all\n"
        f"Log: {config.output_dir}/logs/one.log\n"
    )
    [record] = store.newest_first(config.output_dir)
    assert (record.status, record.exit_code) == ("failed", 1)


def test_a_run_without_a_failure_prints_a_summary_and_nothing_on_standard_error(config):
    code, out, err = finished(config, None, to_node=node_ids.TRANSFORM)
    assert (code, err) == (0, "")
    assert "Unchanged. Stopped after Transform, as requested. Nothing was pushed." in out
    assert f"Record: {config.output_dir}/run.json" in out


def test_debug_shows_the_traceback_of_a_failure(config, monkeypatch):
    monkeypatch.setenv(errors.DEBUG, "1")
    _, _, err = finished(config, errors.NodeFailedError(node_ids.TRAINER, "OOM"))
    assert err.startswith("pipeline.errors.NodeFailedError: OOM\nFailed. ")
