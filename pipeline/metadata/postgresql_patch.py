"""Two repairs of ml-metadata 1.15 for PostgreSQL. Importing this module applies them to all connections to such a server.

- ml-metadata quotes a text with a backslash twice, and the server refuses the command. Properties of nodes hold JSON in JSON,
  so nearly every pipeline has such texts. The repair writes another character for a backslash, and reads a backslash back.
- The server returns artifacts and executions in any order when they are requested by id. TFX assumes the order of the ids
  where it finds cached outputs (`cache_utils.get_cached_outputs`), and so exchanges the outputs of a node that has several.
  The repair restores that order.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from google.protobuf.message import Message
from ml_metadata.metadata_store.metadata_store import MetadataStore
from ml_metadata.proto import metadata_store_pb2

_BACKSLASH, STAND_IN = "\\", "\ue05c"  # a private-use character: no text of this project or of TFX holds it
# Method -> (field of the request that holds the ids, field of the response that holds the objects with these ids).
_BY_ID = {"GetArtifactsByID": ("artifact_ids", "artifacts"), "GetExecutionsByID": ("execution_ids", "executions")}

_Config: TypeAlias = metadata_store_pb2.ConnectionConfig | metadata_store_pb2.MetadataStoreClientConfig

_connect, _call = MetadataStore.__init__, MetadataStore._call_method


def _connect_and_remember(store: MetadataStore, config: _Config, *args: Any, **kwargs: Any) -> None:
    _connect(store, config, *args, **kwargs)
    store.is_postgresql = isinstance(config, metadata_store_pb2.ConnectionConfig) and config.HasField("postgresql")


def _call_repaired(store: MetadataStore, method: str, request: Message, response: Message) -> None:
    if not store.is_postgresql:
        _call(store, method, request, response)
        return
    request_copy = type(request)()
    request_copy.CopyFrom(request)
    _replace(request_copy, _BACKSLASH, STAND_IN)
    _call(store, method, request_copy, response)
    _replace(response, STAND_IN, _BACKSLASH)
    if method in _BY_ID:
        ids, named = _BY_ID[method]
        position = {number: i for i, number in enumerate(getattr(request, ids))}
        getattr(response, named).sort(key=lambda entry: position[entry.id])


def _replace(message: Message, old: str, new: str) -> None:
    """Replaces text in all strings of a message, except in the keys of its maps."""
    for field, value in message.ListFields():
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        inner = field.message_type.fields_by_name["value"] if is_map else field
        if inner.type == inner.TYPE_MESSAGE:
            inner_messages = value.values() if is_map else value if field.label == field.LABEL_REPEATED else [value]
            for inner_message in inner_messages:
                _replace(inner_message, old, new)
        elif inner.type == inner.TYPE_STRING:
            if is_map:
                for key in value:
                    value[key] = value[key].replace(old, new)
            elif field.label == field.LABEL_REPEATED:
                value[:] = [text.replace(old, new) for text in value]
            else:
                setattr(message, field.name, value.replace(old, new))


MetadataStore.is_postgresql = False  # of connections from before the import
MetadataStore.__init__, MetadataStore._call_method = _connect_and_remember, _call_repaired
