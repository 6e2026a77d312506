"""What the run record takes from MLMD and from artifacts, as TFX nodes write them. (Results of TFMA: tests/e2e.)"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tensorflow_metadata.proto.v0 import statistics_pb2
from tfx.types import artifact_utils, standard_artifacts

from components import gate
from components.decision import OUTPUT_KEY, Decision, Finding
from data import metric_names
from pipeline import node_ids
from pipeline.config import pipeline_config
from pipeline.metadata import connection as metadata_store
from pipeline.metadata import uri
from pipeline.node_ids import Output
from pipeline.record import collect, run_record
from pipeline.record.run_record import BaselineRecord, GateRecord, RunRecord, TrainRecord


@dataclass
class Written:
    """Writes artifacts and MLMD entries like the nodes of TFX."""

    folder: Path
    connection: mlmd.ConnectionConfig
    store: MetadataStore

    def output(self, output: Output, run_id: str = "one", pipeline: str = "taxi", **properties: object) -> mlmd.Artifact:
        """Writes an execution of a node in a run, and its artifact with these custom properties."""
        types = {"Statistics": standard_artifacts.ExampleStatistics} if output == node_ids.STATISTICS else {}
        artifact_type = types.get("Statistics", standard_artifacts.String)._get_artifact_type()
        type_id = self.store.put_artifact_type(artifact_type)
        artifact = mlmd.Artifact(type_id=type_id, uri=str(self.folder / run_id / output.node / output.key))
        Path(artifact.uri).mkdir(parents=True)
        for name, value in properties.items():
            values = artifact.properties if name == "split_names" else artifact.custom_properties
            setattr(values[name], "int_value" if isinstance(value, int) else "string_value", value)
        execution = mlmd.Execution(type_id=self.store.put_execution_type(mlmd.ExecutionType(name=output.node)))
        execution.custom_properties["custom_config"].string_value = json.dumps({"model": f"model of {run_id}"})
        event = mlmd.Event(type=mlmd.Event.OUTPUT)
        event.path.steps.add().key = output.key
        contexts = [self.context("pipeline", pipeline), self.context("pipeline_run", run_id),
                    self.context("node", f"{pipeline}.{output.node}")]  # fmt: skip
        [execution_id, [artifact_id], _] = self.store.put_execution(execution, [(artifact, event)], contexts)
        assert execution_id
        return self.store.get_artifacts_by_id([artifact_id])[0]

    def decision(self, output: Output, decision: Decision, **properties: object) -> None:
        gate.write(decision, self.output(output, **properties).uri)

    def context(self, kind: str, name: str) -> mlmd.Context:
        context = self.store.get_context_by_type_and_name(kind, name)
        if context is not None:
            return context
        return mlmd.Context(type_id=self.store.put_context_type(mlmd.ContextType(name=kind)), name=name)


@pytest.fixture
def written(tmp_path: Path) -> Written:
    connection = metadata_store.reach(uri.of_file(f"{tmp_path}/metadata.sqlite"))
    return Written(tmp_path, connection, MetadataStore(connection))


def filled_record(written: Written, run_id: str = "one") -> RunRecord:
    record = run_record.new(pipeline_config.load(None, (), {}), run_id, "c0de", "local")
    collect.fill_record(record, written.store, collect.outputs_of(written.store, run_id, "taxi"))
    return record


def test_without_outputs_the_record_stays_empty(written):
    record = filled_record(written)
    assert (record.rows, record.train, record.metrics, record.gates) == ({}, TrainRecord(), {}, [])
    assert (record.blessed, record.baseline, record.pushed_path, record.plot) == (None, None, None, None)


def test_the_rows_of_each_split_are_counted(written):
    artifact = written.output(node_ids.STATISTICS, split_names=artifact_utils.encode_split_names(["train", "eval"]))
    for split, rows in {"train": 600, "eval": 300}.items():
        statistics = statistics_pb2.DatasetFeatureStatisticsList()
        statistics.datasets.add().num_examples = rows
        file = Path(artifact.uri, f"Split-{split}", "FeatureStats.pb")
        file.parent.mkdir()
        file.write_bytes(statistics.SerializeToString())
    assert filled_record(written).rows == {"train": 600, "eval": 300}


def test_the_record_keeps_the_result_and_the_hyper_parameters_of_a_training(written):
    artifact = written.output(node_ids.MODEL_RUN)
    trained = {
        "steps": 150,
        "resumed_from": 50,
        "ended_by": "steps",
        "best_step": 150,
        "seconds": 3.0,
        "hyperparameters": {"lr": 1},
    }
    Path(artifact.uri, "trained.json").write_text(json.dumps(trained))
    record = filled_record(written)
    assert record.train == TrainRecord(steps=150, resumed_from=50, ended_by="steps", best_step=150)
    assert record.hyperparameters == {"lr": 1}


WARNING = Finding(text="'fare' is out of range.", refuses=False)
TOO_LOW = Finding(text="auc is 0.5.", metric=metric_names.AUC, slice="overall", value=0.5, bound=0.7)
NOT_A_NUMBER = Finding(text="rmse is nan.", metric=metric_names.RMSE, slice="hour=7", value=float("nan"), bound=2.0)
EMPTY = Finding(text="The split is empty.")


@pytest.mark.parametrize(
    ("decision", "record"),
    [
        (Decision(decision="passed", why="Good."), GateRecord(node_ids.DATA_GATE, "passed", "Good.")),
        (Decision(decision="passed", why="Good.", findings=(WARNING,)),
         GateRecord(node_ids.DATA_GATE, "passed", "Good.", warnings=[WARNING.text])),
        (Decision(decision="refused", why="Bad.", findings=(WARNING, EMPTY, TOO_LOW, NOT_A_NUMBER)),
         GateRecord(node_ids.DATA_GATE, "refused", "Bad.", [WARNING.text], metric_names.AUC, "overall", 0.5, 0.7)),
        (Decision(decision="refused", why="Bad.", findings=(NOT_A_NUMBER,)),
         GateRecord(node_ids.DATA_GATE, "refused", "Bad.", [], metric_names.RMSE, "hour=7", None, 2.0)),
        (Decision(decision="unchanged", why="Nothing new."), GateRecord(node_ids.DATA_GATE, "unchanged", "Nothing new.")),
    ],
)  # fmt: skip
def test_a_gate_is_recorded_with_its_decision_its_warnings_and_the_first_missed_bound(written, decision, record):
    written.decision(Output(node_ids.DATA_GATE, OUTPUT_KEY), decision)
    assert filled_record(written).gates == [record]


def test_gates_are_in_the_order_of_the_pipeline(written):
    for output in reversed(node_ids.DECISIONS):
        written.decision(output, Decision(decision="passed", why="Good."), pushed=0)
    assert [entry.id for entry in filled_record(written).gates] == [
        node_ids.DATA_GATE,
        node_ids.CHAMPION_GATE,
        node_ids.EVALUATOR,
        node_ids.PUSHER,
    ]


def test_a_node_without_a_decision_file_has_no_decision(written):
    written.output(node_ids.MODEL)
    written.output(node_ids.PUSHED_MODEL, pushed=1)
    outputs = collect.outputs_of(written.store, "one")
    assert collect.decision_of(outputs, node_ids.TRAINER) is None
    assert collect.decision_of(outputs, node_ids.PUSHER) is None
    assert collect.decision_of(outputs, node_ids.EVALUATOR) is None


@pytest.mark.parametrize(("pushed", "path"), [(1, "/serving/7"), (0, None)])
def test_only_a_pushed_model_has_a_pushed_path(written, pushed, path):
    written.output(node_ids.PUSHED_MODEL, pushed=pushed, pushed_destination="/serving/7")
    assert filled_record(written).pushed_path == path


@pytest.mark.parametrize("blessed", [0, 1])
def test_the_record_says_whether_the_model_is_blessed(written, blessed):
    written.output(node_ids.BLESSING, blessed=blessed)
    assert filled_record(written).blessed is bool(blessed)


def test_the_baseline_names_the_model_and_the_run_that_trained_it(written):
    champion = written.output(node_ids.MODEL, run_id="earlier")
    event = mlmd.Event(type=mlmd.Event.INTERNAL_OUTPUT, artifact_id=champion.id)
    event.path.steps.add().key = node_ids.CHAMPION.key
    resolver = written.store.put_execution_type(mlmd.ExecutionType(name=node_ids.CHAMPION.node))
    contexts = [written.context("pipeline", "taxi"), written.context("pipeline_run", "one"),
                written.context("node", f"taxi.{node_ids.CHAMPION.node}")]  # fmt: skip
    written.store.put_execution(mlmd.Execution(type_id=resolver), [(champion, event)], contexts)
    assert filled_record(written).baseline == BaselineRecord("earlier", "model of earlier")


def test_only_outputs_of_this_pipeline_and_this_run_are_read(written):
    written.output(node_ids.PUSHED_MODEL, pipeline="other", pushed=1, pushed_destination="/other/1")
    assert filled_record(written).pushed_path is None
    assert set(collect.outputs_of(written.store, "one")) == {node_ids.PUSHED_MODEL}
    assert collect.outputs_of(written.store, "one", "taxi") == {}
    assert collect.outputs_of(written.store, "another run") == {}
