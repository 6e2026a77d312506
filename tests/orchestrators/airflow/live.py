"""Reads from MLMD which executions and live output artifacts a run has."""

from collections import Counter

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2

from pipeline import node_ids
from pipeline.record import collect


def outputs(folder, run_id):
    """Returns two counters of a run: (node, output key) -> live artifacts, and node -> executions."""
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(folder / "metadata.sqlite")
    store = metadata_store.MetadataStore(connection)
    context = store.get_context_by_type_and_name("pipeline_run", run_id)
    executions = {e.id: e for e in store.get_executions_by_context(context.id)}
    types = {t.id: t.name for t in store.get_execution_types()}
    events = [e for e in store.get_events_by_execution_ids(list(executions)) if e.type == metadata_store_pb2.Event.OUTPUT]
    artifacts = {a.id: a for a in store.get_artifacts_by_id(list({e.artifact_id for e in events}))}
    live = Counter()
    for event in events:
        if artifacts[event.artifact_id].state == metadata_store_pb2.Artifact.LIVE:
            live[collect.node_id(store, executions[event.execution_id], types), event.path.steps[0].key] += 1
    return live, Counter(collect.node_id(store, e, types) for e in executions.values())


def assert_one_each(folder, run_id, nodes):
    """Asserts that every node of a run has one execution, and one live artifact for each of its output keys.

    Resolvers have no artifact: before a first run there is no champion, and no search has stored hyperparameters.
    """
    live, executions = outputs(folder, run_id)
    assert set(live.values()) == {1}, live
    assert executions == dict.fromkeys(nodes, 1)
    assert {node for node, _ in live} == set(nodes) - set(node_ids.RESOLVERS)
