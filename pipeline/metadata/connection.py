"""Where MLMD keeps what TFX's nodes have done: `metadata.uri`, a SQLite file of the output folder by default, or a server.

    sqlite:///ABSOLUTE/PATH          mysql://[USER@]HOST[:PORT]/DATABASE
    grpc://HOST:PORT                 postgresql://[USER@]HOST[:PORT]/DATABASE

`$NAME` in it stands for an environment variable, looked up where the connection is made. Passwords come from there alone:
a configuration is printed, compiled and committed.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import SplitResult, urlsplit

from pipeline.errors import PipelineError, UsageError

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2

    Connection: TypeAlias = metadata_store_pb2.ConnectionConfig | metadata_store_pb2.MetadataStoreClientConfig

# Environment variables with the credentials of a server.
USER, PASSWORD = "METADATA_USER", "METADATA_PASSWORD"

_FILE = "sqlite://"
_PORTS = {"mysql": 3306, "postgresql": 5432, "grpc": None}
_FORMS = "sqlite:///PATH, mysql://HOST:PORT/DATABASE, postgresql://HOST:PORT/DATABASE, grpc://HOST:PORT"
# Of one call. An answer takes milliseconds; a server that restarts may be away for some seconds.
_GRPC_SECONDS = 30.0
# What SQLite says, and what helps.
_LOCKED = "database is locked"
_WHEN_LOCKED = (
    "Wait for it or end it, or use a server that many can write to at once (metadata.uri, for example "
    "postgresql://HOST/DATABASE)."
)
# A transaction takes milliseconds, many processes at once some seconds.
_LOCK_SECONDS = 60.0


class MetadataError(PipelineError):
    """The records of MLMD cannot be reached."""


def sqlite(path: str) -> str:
    """Returns the URI of a file."""
    return f"{_FILE}/{path.lstrip('/')}"


def check(uri: str) -> None:
    """Checks the form of a URI.

    Raises:
        UsageError: it has none that is known.
    """
    _split(uri)


def connection(uri: str, environment: Mapping[str, str] = os.environ) -> Connection:
    """Returns what TFX connects with.

    Raises:
        UsageError: the URI cannot be understood.
        MetadataError: an environment variable that it needs is not set.
    """
    from ml_metadata.proto import metadata_store_pb2

    parts = _split(_expanded(uri, environment))
    if parts.scheme == "grpc":
        return metadata_store_pb2.MetadataStoreClientConfig(
            host=parts.hostname, port=parts.port, client_timeout_sec=_GRPC_SECONDS
        )
    made = metadata_store_pb2.ConnectionConfig()
    if parts.scheme == "sqlite":
        made.sqlite.filename_uri = parts.path
        made.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        return made
    user, password = parts.username or environment.get(USER, ""), environment.get(PASSWORD, "")
    if not user:
        raise MetadataError(
            f"The metadata server {_place(parts)} needs a user. Put one into metadata.uri "
            f"({parts.scheme}://USER@HOST/DATABASE), or set the environment variable {USER}; {PASSWORD} is for the password."
        )
    port = parts.port or _PORTS[parts.scheme]
    if parts.scheme == "mysql":
        made.mysql.host, made.mysql.port, made.mysql.database = parts.hostname, port, parts.path[1:]
        made.mysql.user, made.mysql.password, made.mysql.skip_db_creation = user, password, True
    else:
        importlib.import_module("pipeline.metadata.postgresql_patch")  # a repair, for PostgreSQL alone
        made.postgresql.host, made.postgresql.port, made.postgresql.dbname = parts.hostname, str(port), parts.path[1:]
        made.postgresql.user, made.postgresql.password, made.postgresql.skip_db_creation = user, password, True
    return made


def reach(uri: str) -> Connection:
    """Returns `connection(uri)` when it has answered. A new database has its tables then.

    Raises:
        UsageError: the URI cannot be understood.
        MetadataError: nobody answers, the user may not, or the file is locked: one paragraph with the way out.
    """
    from ml_metadata import errors
    from tfx.orchestration import metadata

    made = connection(uri)
    if uri.startswith("sqlite:"):
        _wait_for(made.sqlite.filename_uri)
    try:
        with metadata.Metadata(made) as handle:
            handle.store.get_artifact_types()
    except (errors.StatusError, RuntimeError) as error:
        raise MetadataError(_explained(uri, str(error))) from error
    return made


def _wait_for(path: str) -> None:
    """Waits until nobody else writes to a file of SQLite's. MLMD would wait five minutes, and not say for what."""
    if not Path(path).exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None)) as database:
            database.execute("begin immediate")
            database.execute("rollback")
    except sqlite3.DatabaseError as error:
        if _LOCKED in str(error):
            raise MetadataError(
                f"Another process has been writing to the metadata file {path} for {_LOCK_SECONDS:g} s and has it locked. "
                f"{_WHEN_LOCKED}"
            ) from None
        raise MetadataError(
            f"The metadata file {path} cannot be read: {error}. Put a copy of it back; or move it away to begin anew, without "
            "what it knows of earlier runs. What is served stays."
        ) from None


def advise(error: str) -> str:
    """Returns an error's text, with a way out if it is the one of a file of SQLite's that somebody else writes to."""
    return f"{error.rstrip('.')}. {_WHEN_LOCKED}" if _LOCKED in error else error


def _explained(uri: str, error: str) -> str:
    parts = _split(_expanded(uri, os.environ))
    if parts.scheme == "sqlite":
        return f"The metadata file {parts.path} cannot be opened: {error}. Is its folder there, and may you write in it?"
    why = error.strip() or "no answer"
    said = f"The metadata server {_place(parts)} cannot be used: {why}. Check that it runs and can be reached from here"
    if parts.scheme == "grpc":
        return f"{said}."
    return (
        f"{said}, that the database exists, and its user ({USER}, now {_shown(USER)}) and password "
        f"({PASSWORD}, now {_shown(PASSWORD, secret=True)})."
    )


def _shown(name: str, *, secret: bool = False) -> str:
    value = os.environ.get(name)
    return "not set" if value is None else "set" if secret else f"'{value}'"


def _place(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.hostname}:{parts.port or _PORTS[parts.scheme]}{parts.path}"


def _expanded(uri: str, environment: Mapping[str, str]) -> str:
    if uri.startswith(_FILE):  # a path means what it says
        return uri

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in environment:
            raise MetadataError(
                f"metadata.uri is {uri}, but the environment variable {name} is not set here. In a cluster it comes from a "
                "ConfigMap or a Secret: is that there, in the namespace of the run?"
            )
        return environment[name]

    return re.sub(r"\$(\w+)", value, uri)


def _split(uri: str) -> SplitResult:
    if uri.startswith(_FILE):  # what stands in a path is nobody's query
        if not re.match(r"/+[^/]", uri.removeprefix(_FILE)):
            raise _wrong(uri, "sqlite:/// needs an absolute path")
        return SplitResult("sqlite", "", "/" + uri.removeprefix(_FILE).lstrip("/"), "", "")
    try:
        parts = urlsplit(re.sub(r"(:)\$\w+", r"\1", uri))  # a port that is still a variable
        port = parts.port
    except ValueError as error:
        raise _wrong(uri, str(error) if "@" not in uri else "its host and port cannot be made out") from None
    if parts.scheme not in _PORTS:
        raise _wrong(uri, f"'{parts.scheme}' is none of the known kinds")
    elif not parts.hostname:
        raise _wrong(uri, "it has no host")
    elif parts.password:
        raise _wrong(uri, f"a password does not belong there: set {PASSWORD} instead")
    elif parts.query or parts.fragment:
        raise _wrong(uri, f"nothing may follow the database; a password goes into {PASSWORD}")
    elif parts.scheme == "grpc" and port is None and ":$" not in uri:
        raise _wrong(uri, "it has no port")
    elif parts.scheme != "grpc" and len(parts.path) < 2:
        raise _wrong(uri, "it has no database")
    return parts


def _wrong(uri: str, why: str) -> UsageError:
    return UsageError(f"Configuration key 'metadata.uri': {why}. It is one of {_FORMS}. Received: '{_masked(uri)}'.")


def _masked(uri: str) -> str:
    """Leaves out what may be a password."""
    return re.sub(r"[?#].*", "", re.sub(r"//([^:@/]*):.*@", r"//\1:...@", uri))
