"""Connects to MLMD: makes the configuration that TFX needs, and explains what to do if the connection fails."""

from __future__ import annotations

import contextlib
import importlib
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import SplitResult

from pipeline.metadata import uri as uris
from pipeline.metadata.uri import PASSWORD, PORTS, USER, MetadataError

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2

    Connection: TypeAlias = metadata_store_pb2.ConnectionConfig | metadata_store_pb2.MetadataStoreClientConfig

# Time limit of one call. An answer takes milliseconds; a server that restarts may be away for some seconds.
_GRPC_SECONDS = 30.0
# How long to wait for a lock. One transaction takes milliseconds; transactions of many processes together take seconds.
LOCK_SECONDS = 60.0
# SQLite's message.
_LOCKED = "database is locked"
_WHEN_LOCKED = (
    "Wait for it or end it, or use a server that many can write to at once (metadata.uri, for example "
    "postgresql://HOST/DATABASE)."
)


def connection_config(uri: str, environment: Mapping[str, str] = os.environ) -> Connection:
    """Returns the connection configuration for TFX. Does not connect.

    Raises:
        UsageError: the form of the URI is unknown.
        MetadataError: an environment variable is not set.
    """
    from ml_metadata.proto import metadata_store_pb2

    parts = uris.parse(uri, environment)
    if parts.scheme == "grpc":
        return metadata_store_pb2.MetadataStoreClientConfig(
            host=parts.hostname, port=parts.port, client_timeout_sec=_GRPC_SECONDS
        )
    config = metadata_store_pb2.ConnectionConfig()
    if parts.scheme == "sqlite":
        config.sqlite.filename_uri = parts.path
        config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        return config
    user, password = _credentials(parts, environment)
    port = parts.port or PORTS[parts.scheme]
    if parts.scheme == "mysql":
        config.mysql.host, config.mysql.port, config.mysql.database = parts.hostname, port, parts.path[1:]
        config.mysql.user, config.mysql.password, config.mysql.skip_db_creation = user, password, True
    else:
        importlib.import_module("pipeline.metadata.postgresql_patch")  # repairs ml-metadata for PostgreSQL
        config.postgresql.host, config.postgresql.port, config.postgresql.dbname = parts.hostname, str(port), parts.path[1:]
        config.postgresql.user, config.postgresql.password, config.postgresql.skip_db_creation = user, password, True
    return config


def _credentials(parts: SplitResult, environment: Mapping[str, str]) -> tuple[str, str]:
    """Returns the user and the password."""
    user = parts.username or environment.get(USER, "")
    if not user:
        raise MetadataError(
            f"The metadata server {uris.server(parts)} needs a user. Put one into metadata.uri "
            f"({parts.scheme}://USER@HOST/DATABASE), or set the environment variable {USER}; {PASSWORD} is for the password."
        )
    return user, environment.get(PASSWORD, "")


def reach(uri: str, *, lock_seconds: float = LOCK_SECONDS) -> Connection:
    """Returns `connection_config(uri)` once MLMD has answered. This also makes the tables of a new database.

    Args:
        uri: `metadata.uri` of the configuration.
        lock_seconds: how long to wait for another process that has locked a SQLite file.

    Raises:
        UsageError: the form of the URI is unknown.
        MetadataError: no answer, no permission, or a locked file: one paragraph with the way out.
    """
    from ml_metadata import errors
    from tfx.orchestration import metadata

    config = connection_config(uri)
    if uri.startswith("sqlite:"):
        _wait_for_lock(config.sqlite.filename_uri, lock_seconds)
    try:
        with metadata.Metadata(config) as handle:
            handle.store.get_artifact_types()
    except (errors.StatusError, RuntimeError) as error:
        raise MetadataError(_explanation(uri, str(error))) from error
    return config


def _wait_for_lock(path: str, seconds: float) -> None:
    """Waits until no other process writes to a SQLite file. MLMD would wait five minutes without a message."""
    if not Path(path).exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=seconds, isolation_level=None)) as database:
            database.execute("begin immediate")
            database.execute("rollback")
    except sqlite3.DatabaseError as error:
        if _LOCKED in str(error):
            raise MetadataError(
                f"Another process has been writing to the metadata file {path} for {seconds:g} s and has it locked. "
                f"{_WHEN_LOCKED}"
            ) from None
        raise MetadataError(
            f"The metadata file {path} cannot be read: {error}. Restore a copy of it. Or move it away: the next run then "
            "starts without the results of earlier runs. Served models stay."
        ) from None


def advise(error: str) -> str:
    """Returns the text of an error, with a way out if another process has locked the SQLite file."""
    return f"{error.rstrip('.')}. {_WHEN_LOCKED}" if _LOCKED in error else error


def _explanation(uri: str, error: str) -> str:
    parts = uris.parse(uri)
    if parts.scheme == "sqlite":
        return f"The metadata file {parts.path} cannot be opened: {error}. Does its folder exist, and may you write in it?"
    why = error.strip() or "no answer"
    text = f"The metadata server {uris.server(parts)} cannot be used: {why}. Check that it runs and can be reached from here"
    if parts.scheme == "grpc":  # gRPC has no credentials
        return f"{text}."
    return (
        f"{text}, that the database exists, and its user ({USER}, now {_displayed(USER)}) and password "
        f"({PASSWORD}, now {_displayed(PASSWORD, secret=True)})."
    )


def _displayed(variable: str, *, secret: bool = False) -> str:
    value = os.environ.get(variable)
    return "not set" if value is None else "set" if secret else f"'{value}'"
