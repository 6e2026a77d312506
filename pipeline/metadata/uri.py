"""`metadata.uri`: where MLMD keeps its records: on a server, or by default in a SQLite file in the output folder.

FORM_OF_FILE and FORMS_OF_SERVERS are its forms. The path of a file is absolute. `$NAME` stands for an environment variable of
the process that connects. Passwords come only from the environment: a configuration is printed, compiled and committed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from urllib.parse import SplitResult, urlsplit

from pipeline.errors import PipelineError, UsageError

# Environment variables with the credentials of a server.
USER, PASSWORD = "METADATA_USER", "METADATA_PASSWORD"
# Scheme of a server -> its port by default.
PORTS: Mapping[str, int | None] = {"mysql": 3306, "postgresql": 5432, "grpc": None}

_FILE = "sqlite://"
# The forms that messages and the description of the setting name.
FORM_OF_FILE = f"{_FILE}/PATH"
FORMS_OF_SERVERS = "mysql://[USER@]HOST[:PORT]/DATABASE, postgresql://[USER@]HOST[:PORT]/DATABASE or grpc://HOST:PORT"


class MetadataError(PipelineError):
    """The metadata of MLMD cannot be reached."""


def of_file(path: str) -> str:
    """Returns the URI of a SQLite file. `path` must be absolute."""
    return f"{_FILE}/{path.lstrip('/')}"


def check(uri: str) -> None:
    """Checks the form of a URI; it may hold variables.

    Raises:
        UsageError: the form of the URI is unknown.
    """
    _split(uri)


def parse(uri: str, environment: Mapping[str, str] = os.environ) -> SplitResult:
    """Returns the parts of a URI, with the values of its variables.

    Raises:
        UsageError: the form of the URI is unknown.
        MetadataError: a variable is not set.
    """
    return _split(_expand(uri, environment))


def server(parts: SplitResult) -> str:
    """Returns a URI without its user, and with its port."""
    return f"{parts.scheme}://{parts.hostname}:{parts.port or PORTS[parts.scheme]}{parts.path}"


def _expand(uri: str, environment: Mapping[str, str]) -> str:
    if uri.startswith(_FILE):  # a `$` in a path is a part of the path
        return uri

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in environment:
            raise MetadataError(
                f"metadata.uri is {uri}, but the environment variable {name} is not set here. In a cluster it comes from a "
                "ConfigMap or a Secret. Check that it exists in the namespace of the run."
            )
        return environment[name]

    return re.sub(r"\$(\w+)", value, uri)


def _split(uri: str) -> SplitResult:
    if uri.startswith(_FILE):  # `?` and `#` are characters of a path like others
        path = uri.removeprefix(_FILE)
        if not re.match(r"/+[^/]", path):
            raise _usage_error(uri, "sqlite:/// needs an absolute path")
        return SplitResult("sqlite", "", "/" + path.lstrip("/"), "", "")
    try:
        parts = urlsplit(re.sub(r"(:)\$\w+", r"\1", uri))  # urlsplit refuses a variable as the port
        has_port = parts.port is not None or ":$" in uri
    except ValueError as error:
        # The error quotes what follows the last colon, which may be a password.
        raise _usage_error(uri, str(error) if "@" not in uri else "its host and port cannot be read") from None
    for problem in _problems(parts, has_port=has_port):
        raise _usage_error(uri, problem)
    return parts


def _problems(parts: SplitResult, *, has_port: bool) -> Iterator[str]:
    """Yields each problem of the URI of a server."""
    if parts.scheme not in PORTS:
        yield f"'{parts.scheme}' is not a known scheme"
    if not parts.hostname:
        yield "it has no host"
    if parts.password:
        yield f"it must not contain a password: set {PASSWORD} instead"
    if parts.query or parts.fragment:
        yield f"nothing may follow the database; a password goes into {PASSWORD}"
    if parts.scheme == "grpc" and not has_port:
        yield "it has no port"
    if parts.scheme != "grpc" and len(parts.path) < 2:
        yield "it has no database"


def _usage_error(uri: str, problem: str) -> UsageError:
    return UsageError(
        f"Configuration key 'metadata.uri': {problem}. Allowed: {FORM_OF_FILE}, {FORMS_OF_SERVERS}. Received: '{_masked(uri)}'."
    )


def _masked(uri: str) -> str:
    """Returns a URI in which every part that may be a password is masked."""
    return re.sub(r"[?#].*", "", re.sub(r"//([^:@/]*):.*@", r"//\1:...@", uri))
