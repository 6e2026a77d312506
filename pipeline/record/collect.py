"""Fills the record of a run with the results of its nodes. It reads MLMD and the artifacts, so every runner can use it."""

from __future__ import annotations

import json
import math
import posixpath
from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tfx.components.evaluator.constants import ARTIFACT_PROPERTY_BLESSED_KEY
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.compiler.constants import (
    NODE_CONTEXT_TYPE_NAME,
    PIPELINE_CONTEXT_TYPE_NAME,
    PIPELINE_RUN_CONTEXT_TYPE_NAME,
)
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleStatistics

from components import gate
from components.decision import Decision
from components.evaluator import forecast_plot
from components.pusher.executor import PUSHED, PUSHED_DESTINATION
from pipeline import node_ids
from pipeline.record.run_record import BaselineRecord, GateRecord, RunRecord, TrainRecord
from trainer_module.entry import TRAINED_FILE

Artifact: TypeAlias = metadata_store_pb2.Artifact
Outputs: TypeAlias = Mapping[tuple[str, str], Artifact]  # (node id, output key) -> artifact


def fill_record(record: RunRecord, store: MetadataStore, outputs: Outputs) -> None:
    """Fills in the results of all nodes that have run so far.

    Args:
        record: the record of the run.
        store: the store of MLMD.
        outputs: of the run, from `outputs_of`.
    """
    _fill_rows(record, outputs)
    _fill_training(record, outputs)
    _fill_gates(record, outputs)
    _fill_evaluation(record, outputs)
    _fill_push(record, outputs)
    champion = outputs.get(node_ids.CHAMPION)
    if champion is not None:
        record.baseline = _origin(store, champion)


def outputs_of(store: MetadataStore, run_id: str, pipeline: str | None = None) -> Outputs:
    """Returns the artifacts of a run, those of cached nodes included.

    Args:
        store: the store of MLMD.
        run_id: id of the run.
        pipeline: name of the pipeline; None for any. On a server another pipeline may have a run of the same id.
    """
    context = store.get_context_by_type_and_name(PIPELINE_RUN_CONTEXT_TYPE_NAME, run_id)
    if context is None:
        return {}
    executions = {
        e.id: e for e in store.get_executions_by_context(context.id) if pipeline is None or _is_of_pipeline(store, e, pipeline)
    }
    types = {t.id: t.name for t in store.get_execution_types()}
    output_types = (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.INTERNAL_OUTPUT)
    events = [e for e in store.get_events_by_execution_ids(list(executions)) if e.type in output_types]
    artifacts = {a.id: a for a in store.get_artifacts_by_id([e.artifact_id for e in events])}
    outputs = {}
    for event in sorted(events, key=lambda e: e.execution_id):
        node = node_id(store, executions[event.execution_id], types)
        outputs[node, event.path.steps[0].key] = artifacts[event.artifact_id]
    return outputs


def _is_of_pipeline(store: MetadataStore, execution: metadata_store_pb2.Execution, pipeline: str) -> bool:
    contexts = store.get_contexts_by_execution(execution.id)
    return any(c.type == PIPELINE_CONTEXT_TYPE_NAME and c.name == pipeline for c in contexts)


def node_id(store: MetadataStore, execution: metadata_store_pb2.Execution, types: Mapping[int, str]) -> str:
    """Returns the id of the node of an execution; `types` is execution type id -> name."""
    contexts = store.get_contexts_by_execution(execution.id)
    names = [c.name for c in contexts if c.type == NODE_CONTEXT_TYPE_NAME]
    return names[0].rpartition(".")[2] if names else types[execution.type_id].rpartition(".")[2]


def decision_of(outputs: Outputs, gate_id: str) -> Decision | None:
    """Returns the decision of a gate in a run; None if the node is not a gate, or has not decided yet."""
    for output in node_ids.DECISIONS:
        if output.node == gate_id and output in outputs:
            return gate.read(outputs[output].uri)
    return None


def as_artifact(statistics: Artifact) -> ExampleStatistics:
    """Returns an artifact of statistics as an object of TFX's class, which has its splits."""
    mlmd_type = ExampleStatistics._get_artifact_type()
    mlmd_type.id = statistics.type_id
    return artifact_utils.deserialize_artifact(mlmd_type, statistics)


def metrics(evaluation: str) -> dict[str, float | None]:
    """Returns the metrics of the evaluated model on the whole evaluation split: name -> value, in TFMA's order.

    Args:
        evaluation: folder with TFMA's results.
    """
    import tensorflow_model_analysis as tfma

    models = [spec.get("name") for spec in _read_json(evaluation, "eval_config.json")["evalConfig"]["modelSpecs"]]
    # If there is a baseline too, TFMA gives the evaluated model this name.
    candidate = tfma.CANDIDATE_KEY if len(models) > 1 else None
    result = tfma.load_eval_result(evaluation, model_name=candidate)
    overall = next(values for key, values in result.slicing_metrics if not key)
    return {
        name: _finite(value["doubleValue"])
        for name, value in overall[""][""].items()
        if "doubleValue" in value and not name.endswith("_diff")  # the change against the baseline
    }


def _fill_rows(record: RunRecord, outputs: Outputs) -> None:
    statistics = outputs.get(node_ids.STATISTICS)
    if statistics is None:
        return
    artifact = as_artifact(statistics)
    for split in artifact_utils.decode_split_names(artifact.split_names):
        proto = stats_artifact_utils.load_statistics(artifact, split).proto()
        record.rows[split] = sum(dataset.num_examples for dataset in proto.datasets)


def _fill_training(record: RunRecord, outputs: Outputs) -> None:
    model_run = outputs.get(node_ids.MODEL_RUN)
    trained = _read_json(model_run.uri, TRAINED_FILE) if model_run is not None else {}
    if trained:
        record.train = msgspec.convert(trained, TrainRecord)
        record.hyperparameters = trained["hyperparameters"]


def _fill_gates(record: RunRecord, outputs: Outputs) -> None:
    decisions = {output.node: decision_of(outputs, output.node) for output in node_ids.DECISIONS}
    record.gates = [_gate_record(gate_id, decision) for gate_id, decision in decisions.items() if decision]


def _gate_record(gate_id: str, decision: Decision) -> GateRecord:
    record = GateRecord(id=gate_id, decision=decision.decision, why=decision.why, warnings=decision.warnings)
    compared = next((f for f in decision.findings if f.refuses and f.metric), None)
    if compared:
        record.metric, record.slice = compared.metric, compared.slice
        record.value, record.bound = _finite(compared.value), _finite(compared.bound)
    return record


def _fill_evaluation(record: RunRecord, outputs: Outputs) -> None:
    blessing = outputs.get(node_ids.BLESSING)
    if blessing is not None:
        record.blessed = blessing.custom_properties[ARTIFACT_PROPERTY_BLESSED_KEY].int_value == 1
    evaluation = outputs.get(node_ids.EVALUATION)
    if evaluation is not None:
        plot = posixpath.join(evaluation.uri, forecast_plot.FILE)
        record.plot = plot if fileio.exists(plot) else None
        record.metrics |= metrics(evaluation.uri)


def _fill_push(record: RunRecord, outputs: Outputs) -> None:
    pushed = outputs.get(node_ids.PUSHED_MODEL)
    if pushed is not None and pushed.custom_properties[PUSHED].int_value:
        record.pushed_path = pushed.custom_properties[PUSHED_DESTINATION].string_value


def _origin(store: MetadataStore, model: Artifact) -> BaselineRecord:
    """Returns the run that trained a model, and the name of the model."""
    events = [e for e in store.get_events_by_artifact_ids([model.id]) if e.type == metadata_store_pb2.Event.OUTPUT]
    execution = store.get_executions_by_id([min(e.execution_id for e in events)])[0]
    runs = [c.name for c in store.get_contexts_by_execution(execution.id) if c.type == PIPELINE_RUN_CONTEXT_TYPE_NAME]
    settings = json.loads(execution.custom_properties["custom_config"].string_value or "{}")
    return BaselineRecord(runs[0] if runs else None, settings.get("model"))


def _read_json(folder: str, name: str) -> dict[str, Any]:
    """Reads a JSON file. Returns an empty dictionary if the file does not exist."""
    path = posixpath.join(folder, name)
    if not fileio.exists(path):
        return {}
    with fileio.open(path, "r") as file:
        return json.load(file)


def _finite(value: float | None) -> float | None:
    """Returns a number, or None for infinity and NaN, which JSON does not have."""
    number = float(value) if value is not None else math.nan
    return number if math.isfinite(number) else None
