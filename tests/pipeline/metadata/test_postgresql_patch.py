"""The repairs of ml-metadata for PostgreSQL, on an SQLite store that is treated as one on PostgreSQL.

tests/orchestrators/test_metadata_servers.py runs pipelines on a real PostgreSQL server.
"""

import pytest
from ml_metadata.metadata_store import ListOptions, MetadataStore, OrderByField
from ml_metadata.proto import metadata_store_pb2

from pipeline.metadata import postgresql_patch

TEXT = r'{"columns": "C:\\data"}'
ARTIFACT_TYPE = metadata_store_pb2.ArtifactType(name="Table", properties={"columns": metadata_store_pb2.STRING})


@pytest.fixture
def store():
    """An empty store."""
    config = metadata_store_pb2.ConnectionConfig()
    config.fake_database.SetInParent()  # SQLite in memory
    return MetadataStore(config)


def put_artifacts(store, count):
    """Stores artifacts with TEXT in a property, a custom property and the URI. Returns their ids."""
    type_id = store.put_artifact_type(ARTIFACT_TYPE)
    artifacts = [metadata_store_pb2.Artifact(type_id=type_id, uri=f"{TEXT}/{i}") for i in range(count)]
    for artifact in artifacts:
        artifact.properties["columns"].string_value = artifact.custom_properties["note"].string_value = TEXT
    return store.put_artifacts(artifacts)


def texts(artifact):
    return artifact.properties["columns"].string_value, artifact.custom_properties["note"].string_value, artifact.uri


def test_a_store_that_is_not_on_postgresql_is_unchanged(store):
    assert store.is_postgresql is False
    [number] = put_artifacts(store, 1)
    assert texts(store.get_artifacts_by_id([number])[0]) == (TEXT, TEXT, f"{TEXT}/0")


def test_the_server_never_sees_a_backslash_and_the_reader_always_does(store):
    store.is_postgresql = True
    [number] = put_artifacts(store, 1)
    assert texts(store.get_artifacts_by_id([number])[0]) == (TEXT, TEXT, f"{TEXT}/0")
    store.is_postgresql = False
    stored = texts(store.get_artifacts_by_id([number])[0])
    assert stored == tuple(text.replace("\\", postgresql_patch.STAND_IN) for text in (TEXT, TEXT, f"{TEXT}/0"))
    assert "\\" not in "".join(stored)


def test_artifacts_come_in_the_order_of_the_requested_ids(store):
    first, second, third = put_artifacts(store, 3)
    store.is_postgresql = True
    assert [a.id for a in store.get_artifacts_by_id([third, first, second])] == [third, first, second]


def test_a_request_whose_message_holds_messages_is_sent_whole(store):
    ids = put_artifacts(store, 3)
    store.is_postgresql = True
    newest_first = ListOptions(limit=2, order_by=OrderByField.ID, is_asc=False, filter_query="type = 'Table'")
    assert [a.id for a in store.get_artifacts(newest_first)] == ids[:0:-1]
