"""metadata.uri: its forms, its environment variables, and the errors."""

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
def test_a_uri_of_a_known_form_passes(uri: str) -> None:
    uris.check(uri)


def test_the_uri_of_a_file_keeps_special_characters() -> None:
    assert uris.of_file("/out/metadata.sqlite") == "sqlite:///out/metadata.sqlite"
    assert uris.parse("sqlite:///out/a?b#$c").path == "/out/a?b#$c"


def test_variables_in_a_uri_get_their_values_from_the_environment() -> None:
    parsed = uris.parse("mysql://$HOST:$PORT/db", {"HOST": "db.example", "PORT": "3307"})
    assert (parsed.hostname, parsed.port, parsed.path) == ("db.example", 3307, "/db")
    with pytest.raises(MetadataError, match=r"the environment variable PORT is not set here\. In a cluster it comes from"):
        uris.parse("mysql://$HOST:$PORT/db", {"HOST": "db.example"})


def test_a_server_is_shown_without_its_user_and_with_its_port() -> None:
    assert uris.server(uris.parse("postgresql://me@host/db", {})) == "postgresql://host:5432/db"


@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("outputs/metadata.sqlite", "not a known scheme"),
        ("oracle://host/db", "'oracle' is not a known scheme"),
        ("sqlite://metadata.sqlite", "absolute path"),
        ("grpc://host", "no port"),
        ("mysql://host", "no database"),
        ("mysql:///db", "no host"),
        ("postgresql://host:x/db", "Port"),
        ("mysql://me:hush@host/db", "set METADATA_PASSWORD instead"),
        ("mysql://me:hu/sh@host/db", "host and port cannot be read"),
        ("postgresql://host/db?password=hush", "nothing may follow the database"),
        ("postgresql://host/db#hush", "nothing may follow the database"),
        ("postgres://host/db?password=hush", "not a known scheme"),
    ],
)
def test_the_error_for_a_wrong_uri_shows_the_known_forms_and_no_password(uri: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as raised:
        pipeline_config.load(None, (f"metadata.uri={uri}",), {})
    assert "grpc://HOST:PORT" in str(raised.value) and not {"hush", "hu/sh"} & set(re.split(r"[:@?#=']", str(raised.value)))
