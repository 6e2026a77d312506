"""metadata.uri: the forms it may have, its variables, and what is refused."""

from __future__ import annotations

import re

import pytest

from pipeline.config import pipeline_config
from pipeline.errors import UsageError
from pipeline.metadata import uri as uris
from pipeline.metadata.uri import MetadataError


@pytest.mark.parametrize(
    "uri",
    ["sqlite:///tmp/m.sqlite", "mysql://me@host:3307/db", "postgresql://host/db", "grpc://host:8080", "grpc://$HOST:$PORT"],
)
def test_a_known_form_passes(uri: str) -> None:
    uris.check(uri)


def test_the_uri_of_a_file() -> None:
    assert uris.of_file("/out/metadata.sqlite") == "sqlite:///out/metadata.sqlite"
    assert uris.parse("sqlite:///out/a?b#$c").path == "/out/a?b#$c"


def test_variables_have_the_values_of_the_environment() -> None:
    parts = uris.parse("mysql://$HOST:$PORT/db", {"HOST": "db.example", "PORT": "3307"})
    assert (parts.hostname, parts.port, parts.path) == ("db.example", 3307, "/db")
    with pytest.raises(MetadataError, match=r"the environment variable PORT is not set here\. In a cluster it comes from"):
        uris.parse("mysql://$HOST:$PORT/db", {"HOST": "db.example"})


def test_a_server_is_shown_without_its_user_and_with_its_port() -> None:
    assert uris.server(uris.parse("postgresql://me@host/db", {})) == "postgresql://host:5432/db"


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("outputs/metadata.sqlite", "none of the known kinds"),
        ("oracle://host/db", "'oracle' is none of the known kinds"),
        ("sqlite://metadata.sqlite", "absolute path"),
        ("grpc://host", "no port"),
        ("mysql://host", "no database"),
        ("mysql:///db", "no host"),
        ("postgresql://host:x/db", "Port"),
        ("mysql://me:hush@host/db", "set METADATA_PASSWORD instead"),
        ("mysql://me:hu/sh@host/db", "host and port cannot be made out"),
        ("postgresql://host/db?password=hush", "nothing may follow the database"),
        ("postgresql://host/db#hush", "nothing may follow the database"),
        ("postgres://host/db?password=hush", "none of the known kinds"),
    ],
)
def test_a_uri_that_cannot_be_understood_is_refused_with_the_forms_there_are(uri: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as raised:
        pipeline_config.load(None, (f"metadata.uri={uri}",), {})
    assert "grpc://HOST:PORT" in str(raised.value) and not {"hush", "hu/sh"} & set(re.split(r"[:@?#=']", str(raised.value)))
