"""Starts database servers from Debian packages. Each has a temporary folder and a loopback port, and ends with its `with`."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import sqlalchemy

from tests.orchestrators import debian, processes

PASSWORD = "not-a-secret"
_SECONDS = 60


@contextlib.contextmanager
def or_skip(server):
    """Enters the context of a server and yields its URI. Skips the test if the server's packages cannot be installed here."""
    with contextlib.ExitStack() as stack:
        try:
            uri = stack.enter_context(server)
        except debian.MissingPackageError as missing:
            pytest.skip(str(missing))
        yield uri


@contextlib.contextmanager
def postgresql(port, database="mlmd", **variables):
    """Starts PostgreSQL. Yields the URI of an empty database in the form of `metadata.uri`. The password is PASSWORD.

    Args:
        port: loopback port that the server listens on.
        database: name of the database.
        **variables: added to the environment of the server.

    Raises:
        debian.MissingPackageError: the package is not installed and cannot be downloaded.
    """
    programs = debian.programs("postgresql")
    [*_, newest] = sorted(programs.glob("usr/lib/postgresql/*/bin"), key=lambda folder: int(folder.parent.name))
    environment = programs.environment | variables
    with _folder() as (folder, user):
        (folder / "password").write_text(PASSWORD)
        if user:
            shutil.chown(folder / "password", user["user"])
        initialise = [
            newest / "initdb", "-D", folder / "data", "-U", "tfx", "-A", "md5", f"--pwfile={folder / 'password'}", "--no-sync",
            "-E", "UTF8",
        ]  # fmt: skip
        subprocess.run(initialise, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True, **user)
        command = [
            newest / "postgres", "-D", folder / "data", "-k", folder, "-p", str(port), "-c", "listen_addresses=127.0.0.1",
            "-c", "fsync=off",
        ]  # fmt: skip
        # On SIGINT PostgreSQL closes the open sessions and ends. On SIGTERM it would wait for them.
        with _running(command, folder, environment, signal.SIGINT, **user) as server:
            _create(f"postgresql+psycopg2://tfx:{PASSWORD}@127.0.0.1:{port}/postgres", database, server, folder)
            yield f"postgresql://tfx@127.0.0.1:{port}/{database}"


@contextlib.contextmanager
def mysql(port):
    """Starts MariaDB. Yields the URI of an empty database in the form of `metadata.uri`. The password is PASSWORD.

    Args:
        port: loopback port that the server listens on.

    Raises:
        debian.MissingPackageError: the packages are not installed and cannot be downloaded.
    """
    programs = debian.programs("mariadb-server-core", "mariadb-client-core")
    binaries, environment = programs.root / "usr", programs.environment
    user = f"--user={pwd.getpwuid(os.geteuid()).pw_name}"  # without this option MariaDB refuses to run as root
    with _folder(as_root=True) as (folder, _):
        data = folder / "data"
        initialise = [
            binaries / "bin" / "mariadb-install-db", "--no-defaults", f"--basedir={binaries}", f"--datadir={data}", user,
            "--auth-root-authentication-method=normal", "--skip-test-db",
        ]  # fmt: skip
        subprocess.run(initialise, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
        statements = folder / "statements.sql"
        statements.write_text(
            "create database mlmd;\n"
            f"create user tfx@'127.0.0.1' identified by '{PASSWORD}';\n"
            "grant all on mlmd.* to tfx@'127.0.0.1';\n"
        )
        command = [
            binaries / "sbin" / "mariadbd", "--no-defaults", f"--basedir={binaries}", f"--datadir={data}", user,
            "--bind-address=127.0.0.1", f"--port={port}", f"--init-file={statements}", f"--socket={folder / 'socket'}",
            f"--pid-file={folder / 'pid'}", "--skip-name-resolve", "--skip-log-bin",
        ]  # fmt: skip
        with _running(command, folder, environment, signal.SIGTERM) as server:
            _wait(port, server, folder)
            yield f"mysql://tfx@127.0.0.1:{port}/mlmd"


@contextlib.contextmanager
def _folder(*, as_root=False):
    """Yields (temporary folder, arguments of `Popen` that run a server as another user).

    The arguments are empty unless this process is root and `as_root` is False: PostgreSQL refuses to run as root.
    """
    folder = Path(tempfile.mkdtemp(prefix="database-", dir="/tmp"))  # a socket's path may have 107 characters at most
    user = {}
    if os.geteuid() == 0 and not as_root:
        name = "postgres" if any(account.pw_name == "postgres" for account in pwd.getpwall()) else "nobody"
        user = {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}
        shutil.chown(folder, name)
    try:
        yield folder, user
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _running(command, folder, environment, stop_signal, **user):
    """Starts a server that logs to `folder`/log. Yields its process, and ends it with `stop_signal`."""
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, **user)
    try:
        yield server
    finally:
        server.send_signal(stop_signal)
        server.wait(_SECONDS)


def _wait(port, server, folder):
    """Waits until the server listens. MariaDB has executed its --init-file by then."""
    deadline = time.monotonic() + _SECONDS
    while not processes.listens(port):
        assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.1)


def _create(uri, database, server, folder):
    """Creates the database as soon as the server accepts connections."""
    engine = sqlalchemy.create_engine(uri, isolation_level="AUTOCOMMIT")
    deadline = time.monotonic() + _SECONDS
    while True:
        with contextlib.suppress(sqlalchemy.exc.OperationalError), engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"create database {database}"))
            break
        assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.1)
    engine.dispose()
