"""What a run has come to: read from MLMD and the artifacts, so that it is the same whatever ran the nodes."""

from __future__ import annotations

import json
import math
import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.io import fileio
from tfx.orchestration import metadata
from tfx.types import artifact_utils
from tfx.types.standard_artifacts import ExampleStatistics

from components import gate
from components.evaluator import forecast_plot
from components.pusher.executor import PUSHED_DESTINATION
from pipeline import node_ids
from pipeline.record.run_record import GateRecord, RunRecord
from trainer_module.entry import TRAINED_FILE

if TYPE_CHECKING:
    from pipeline.metadata.connection import Connection

Artifact: TypeAlias = metadata_store_pb2.Artifact
Outputs: TypeAlias = Mapping[tuple[str, str], Artifact]  # (node id, output key) -> artifact


def collect(record: RunRecord, connection: Connection, pipeline: str) -> None:
    """Fills in a record all that the nodes of a pipeline have left so far."""
    with metadata.Metadata(connection) as handle:
        outputs = outputs_of(handle.store, record.run_id, pipeline)
        _rows(record, outputs)
        _training(record, outputs)
        _gates(record, outputs)
        _evaluation(record, outputs)
        pushed = outputs.get(node_ids.PUSHED_MODEL)
        if pushed is not None and pushed.custom_properties["pushed"].int_value:
            record.pushed_path = pushed.custom_properties[PUSHED_DESTINATION].string_value
        champion = outputs.get(node_ids.CHAMPION)
        if champion is not None:
            record.baseline = _origin(handle.store, champion)


def outputs_of(store: MetadataStore, run_id: str, pipeline: str | None = None) -> Outputs:
    """Returns the artifacts of a run, those of cached nodes included.

    Args:
        store: MLMD's.
        run_id: of the run.
        pipeline: name of the pipeline: on a server another one may have a run of the same name. By default any.
    """
    context = store.get_context_by_type_and_name("pipeline_run", run_id)
    if context is None:
        return {}
    executions = {
        e.id: e
        for e in store.get_executions_by_context(context.id)
        if pipeline is None or ("pipeline", pipeline) in {(c.type, c.name) for c in store.get_contexts_by_execution(e.id)}
    }
    types = {t.id: t.name for t in store.get_execution_types()}
    outputs = (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.INTERNAL_OUTPUT)
    events = [e for e in store.get_events_by_execution_ids(list(executions)) if e.type in outputs]
    artifacts = {a.id: a for a in store.get_artifacts_by_id([e.artifact_id for e in events])}
    found = {}
    for event in sorted(events, key=lambda e: e.execution_id):
        node = node_id(store, executions[event.execution_id], types)
        found[node, event.path.steps[0].key] = artifacts[event.artifact_id]
    return found


def node_id(store: MetadataStore, execution: metadata_store_pb2.Execution, types: Mapping[int, str]) -> str:
    """Returns the id of the node of an execution; `types` is execution type id -> name."""
    contexts = store.get_contexts_by_execution(execution.id)
    names = [c.name for c in contexts if c.type == "node"]
    return names[0].rpartition(".")[2] if names else types[execution.type_id].rpartition(".")[2]


def _rows(record: RunRecord, outputs: Outputs) -> None:
    statistics = outputs.get(node_ids.STATISTICS)
    if statistics is None:
        return
    artifact = as_artifact(statistics)
    for split in artifact_utils.decode_split_names(artifact.split_names):
        proto = stats_artifact_utils.load_statistics(artifact, split).proto()
        record.rows[split] = sum(d.num_examples for d in proto.datasets)


def as_artifact(statistics: Artifact) -> ExampleStatistics:
    """Returns an ExampleStatistics artifact as TFX's own class, which knows its splits."""
    mlmd_type = ExampleStatistics._get_artifact_type()
    mlmd_type.id = statistics.type_id
    return artifact_utils.deserialize_artifact(mlmd_type, statistics)


def _training(record: RunRecord, outputs: Outputs) -> None:
    run = outputs.get(node_ids.MODEL_RUN)
    trained = _json(run.uri, TRAINED_FILE) if run is not None else {}
    if trained:
        told = ("steps", "resumed_from", "ended_by", "best_step", "warm_start")
        record.train = {k: trained[k] for k in told if k in trained}
        record.hyperparameters = trained["hyperparameters"]


def _gates(record: RunRecord, outputs: Outputs) -> None:
    record.gates = []
    for output in node_ids.DECISIONS:
        artifact = outputs.get(output)
        decision = gate.read(artifact.uri) if artifact is not None else None
        if decision is None:
            continue
        entry = GateRecord(id=output.node, decision=decision.decision, why=decision.why, warnings=decision.warnings)
        measured = next((f for f in decision.findings if f.refuses and f.metric), None)
        if measured:
            entry.metric, entry.slice = measured.metric, measured.slice
            entry.value, entry.bound = _finite(measured.value), _finite(measured.bound)
        record.gates.append(entry)


def _evaluation(record: RunRecord, outputs: Outputs) -> None:
    blessing = outputs.get(node_ids.BLESSING)
    if blessing is not None:
        record.blessed = blessing.custom_properties["blessed"].int_value == 1
    evaluation = outputs.get(node_ids.EVALUATION)
    if evaluation is None:
        return
    picture = posixpath.join(evaluation.uri, forecast_plot.FILE)
    record.plot = picture if fileio.exists(picture) else None
    record.metrics |= metrics(evaluation.uri)


def metrics(evaluation: str) -> dict[str, float | None]:
    """Returns what the Evaluator has measured of the model on the whole evaluation split: name -> value, in order.

    Args:
        evaluation: folder with TFMA's results.
    """
    import tensorflow_model_analysis as tfma

    models = [spec.get("name") for spec in _json(evaluation, "eval_config.json")["evalConfig"]["modelSpecs"]]
    # Beside a baseline TFMA gives the model this name.
    candidate = tfma.CANDIDATE_KEY if len(models) > 1 else None
    result = tfma.load_eval_result(evaluation, model_name=candidate)
    overall = next(values for key, values in result.slicing_metrics if not key)
    return {
        name: _finite(value["doubleValue"])
        for name, value in overall[""][""].items()
        if "doubleValue" in value and not name.endswith("_diff")  # the change against the baseline
    }


def _origin(store: MetadataStore, model: Artifact) -> dict[str, str | None]:
    """Returns the run that trained a model, and the model's name."""
    events = [e for e in store.get_events_by_artifact_ids([model.id]) if e.type == metadata_store_pb2.Event.OUTPUT]
    execution = store.get_executions_by_id([min(e.execution_id for e in events)])[0]
    runs = [c.name for c in store.get_contexts_by_execution(execution.id) if c.type == "pipeline_run"]
    settings = json.loads(execution.custom_properties["custom_config"].string_value or "{}")
    return {"run_id": runs[0] if runs else None, "model": settings.get("model")}


def _json(folder: str, name: str) -> dict[str, Any]:
    path = posixpath.join(folder, name)
    if not fileio.exists(path):
        return {}
    with fileio.open(path, "r") as file:
        return json.load(file)


def _finite(value: float | None) -> float | None:
    """JSON has no NaN."""
    number = float(value) if value is not None else math.nan
    return number if math.isfinite(number) else None
