"""The connection to MLMD: the configuration for TFX, the source of credentials, and the errors."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.config import pipeline_config
from pipeline.errors import NODE_FAILED
from pipeline.metadata import connection
from pipeline.metadata.uri import MetadataError

CREDENTIALS = {"METADATA_USER": "tfx", "METADATA_PASSWORD": "se$cr@t/"}


def test_the_default_is_a_file_in_the_output_folder(tmp_path: Path) -> None:
    config = pipeline_config.load(None, (), {"output_dir": str(tmp_path)})
    assert config.metadata_uri == f"sqlite://{tmp_path}/metadata.sqlite"
    assert connection.connection_config(config.metadata_uri).sqlite.filename_uri == f"{tmp_path}/metadata.sqlite"


def test_a_mysql_uri_with_credentials_from_the_environment() -> None:
    mysql = connection.connection_config("mysql://db.example:3307/mlmd", CREDENTIALS).mysql
    assert (mysql.host, mysql.port, mysql.database, mysql.user, mysql.password) == (
        "db.example",
        3307,
        "mlmd",
        "tfx",
        "se$cr@t/",
    )
    assert connection.connection_config("mysql://db.example/mlmd", CREDENTIALS).mysql.port == 3306


def test_a_postgresql_uri_with_its_own_user() -> None:
    postgresql = connection.connection_config("postgresql://other@db.example/mlmd", CREDENTIALS).postgresql
    assert (postgresql.host, postgresql.port, postgresql.dbname, postgresql.user) == ("db.example", "5432", "mlmd", "other")


def test_a_grpc_uri_takes_host_and_port_from_the_environment() -> None:
    uri = "grpc://$METADATA_GRPC_SERVICE_HOST:$METADATA_GRPC_SERVICE_PORT"
    config = connection.connection_config(
        uri, {"METADATA_GRPC_SERVICE_HOST": "mlmd.kubeflow", "METADATA_GRPC_SERVICE_PORT": "8080"}
    )
    assert (config.host, config.port) == ("mlmd.kubeflow", 8080)
    with pytest.raises(MetadataError, match="METADATA_GRPC_SERVICE_PORT is not set here"):
        connection.connection_config(uri, {"METADATA_GRPC_SERVICE_HOST": "mlmd.kubeflow"})


@pytest.mark.parametrize("name", ["a#b", "a?b", "$HOME"])
def test_a_folder_may_have_any_name(name: str, tmp_path: Path) -> None:
    config = pipeline_config.load(None, (), {"output_dir": str(tmp_path / name)})
    assert connection.connection_config(config.metadata_uri).sqlite.filename_uri == f"{tmp_path}/{name}/metadata.sqlite"


def test_a_server_needs_a_user() -> None:
    with pytest.raises(MetadataError, match=r"mysql://db.example:3306/mlmd needs a user.*METADATA_USER"):
        connection.connection_config("mysql://db.example/mlmd", {})


@pytest.mark.parametrize("uri", ["grpc://127.0.0.1:9", "mysql://tfx@127.0.0.1:9/mlmd", "postgresql://tfx@127.0.0.1:9/mlmd"])
def test_the_error_for_a_server_that_does_not_answer_names_its_address_and_no_password(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # TFX tries five times
    monkeypatch.setenv("METADATA_PASSWORD", "hush")
    with pytest.raises(MetadataError) as raised:
        connection.reach(uri)
    message = str(raised.value)
    assert "127.0.0.1:9" in message and "can be reached from here" in message
    assert ("METADATA_PASSWORD, now set" in message) == (not uri.startswith("grpc:")), "gRPC uses no password"
    assert "hush" not in message and raised.value.exit_code == NODE_FAILED


def test_the_error_for_a_file_in_a_missing_folder_asks_whether_the_folder_exists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with pytest.raises(MetadataError, match="Does its folder exist"):
        connection.reach(f"sqlite://{tmp_path}/no/metadata.sqlite")


_LOCK = (
    "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('begin exclusive'); print('locked', flush=True); input()"
)


@pytest.fixture
def locked(tmp_path: Path):
    path = tmp_path / "metadata.sqlite"
    connection.reach(f"sqlite://{path}")
    with subprocess.Popen([sys.executable, "-c", _LOCK, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"locked\n"
        yield path, process
        process.kill()


def test_a_file_that_another_process_locks_for_a_short_time_is_waited_for(locked) -> None:
    path, process = locked
    started = time.monotonic()
    waker = subprocess.Popen(["sh", "-c", f"sleep 2; kill {process.pid}"])
    connection.reach(f"sqlite://{path}")
    assert time.monotonic() - started > 1
    waker.wait()


def test_the_error_for_a_file_that_stays_locked_suggests_a_server(locked) -> None:
    path, _ = locked
    with pytest.raises(MetadataError, match=r"for 1\.5 s and has it locked.*use a server"):
        connection.reach(f"sqlite://{path}", lock_seconds=1.5)


def test_the_error_for_a_file_that_is_locked_during_a_run_suggests_a_server_too() -> None:
    message = connection.advise("RuntimeError: database is locked.")
    assert message.startswith("RuntimeError: database is locked. Wait for it or end it, or use a server")
    assert connection.advise("RuntimeError: no") == "RuntimeError: no"


def test_a_file_that_is_not_a_database_is_named_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "metadata.sqlite"
    path.write_text("These are notes." * 100)
    with pytest.raises(MetadataError, match=rf"{path} cannot be read: file is not a database\. Restore a copy of it"):
        connection.reach(f"sqlite://{path}")
    assert path.read_text() == "These are notes." * 100
