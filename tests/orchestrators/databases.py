"""Database servers from Debian's packages, each in a folder of its own, on a port of the loopback, gone afterwards."""

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
def had(server):
    """Yields what a server yields; skips the test that wants it where it cannot be had."""
    with contextlib.ExitStack() as stack:
        try:
            uri = stack.enter_context(server)
        except debian.MissingPackageError as missing:
            pytest.skip(str(missing))
        yield uri


@contextlib.contextmanager
def postgresql(port, database="mlmd", **variables):
    """Yields the URI of an empty database of PostgreSQL's, as `metadata.uri` takes it. Its user has PASSWORD.

    Args:
        port: to listen on.
        database: its name.
        **variables: of the server's environment.

    Raises:
        debian.MissingPackageError: the package cannot be had.
    """
    programs = debian.programs("postgresql")
    [*_, found] = sorted(programs.glob("usr/lib/postgresql/*/bin"), key=lambda folder: int(folder.parent.name))
    environment = programs.environment | variables
    with _folder() as (folder, user):
        (folder / "password").write_text(PASSWORD)
        if user:
            shutil.chown(folder / "password", user["user"])
        initialise = [
            found / "initdb", "-D", folder / "data", "-U", "tfx", "-A", "md5", f"--pwfile={folder / 'password'}", "--no-sync",
            "-E", "UTF8",
        ]  # fmt: skip
        subprocess.run(initialise, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True, **user)
        command = [
            found / "postgres", "-D", folder / "data", "-k", folder, "-p", str(port), "-c", "listen_addresses=127.0.0.1",
            "-c", "fsync=off",
        ]  # fmt: skip
        with _running(command, folder, environment, signal.SIGINT, **user) as server:  # which ends sessions that are open
            _create(f"postgresql+psycopg2://tfx:{PASSWORD}@127.0.0.1:{port}/postgres", database, server, folder)
            yield f"postgresql://tfx@127.0.0.1:{port}/{database}"


@contextlib.contextmanager
def mysql(port):
    """The same of MariaDB.

    Raises:
        debian.MissingPackageError: the packages cannot be had.
    """
    programs = debian.programs("mariadb-server-core", "mariadb-client-core")
    binaries, environment = programs.root / "usr", programs.environment
    me = f"--user={pwd.getpwuid(os.geteuid()).pw_name}"  # or it refuses to run as root
    with _folder(as_root=True) as (folder, _):
        data = folder / "data"
        initialise = [
            binaries / "bin" / "mariadb-install-db", "--no-defaults", f"--basedir={binaries}", f"--datadir={data}", me,
            "--auth-root-authentication-method=normal", "--skip-test-db",
        ]  # fmt: skip
        subprocess.run(initialise, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
        orders = folder / "orders.sql"
        orders.write_text(
            "create database mlmd;\n"
            f"create user tfx@'127.0.0.1' identified by '{PASSWORD}';\n"
            "grant all on mlmd.* to tfx@'127.0.0.1';\n"
        )
        command = [
            binaries / "sbin" / "mariadbd", "--no-defaults", f"--basedir={binaries}", f"--datadir={data}", me,
            "--bind-address=127.0.0.1", f"--port={port}", f"--init-file={orders}", f"--socket={folder / 'socket'}",
            f"--pid-file={folder / 'pid'}", "--skip-name-resolve", "--skip-log-bin",
        ]  # fmt: skip
        with _running(command, folder, environment, signal.SIGTERM) as server:
            _wait(port, server, folder)
            yield f"mysql://tfx@127.0.0.1:{port}/mlmd"


@contextlib.contextmanager
def _folder(*, as_root=False):
    """Yields a folder, and who a server is to be that does not run as root."""
    folder = Path(tempfile.mkdtemp(prefix="database-", dir="/tmp"))  # the path of a socket has 107 characters at most
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
def _running(command, folder, environment, end, **user):
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, **user)
    try:
        yield server
    finally:
        server.send_signal(end)
        server.wait(_SECONDS)


def _wait(port, server, folder):
    """Waits until somebody listens. What MariaDB is to do first, it has done then."""
    deadline = time.monotonic() + _SECONDS
    while not processes.listens(port):
        assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.1)


def _create(uri, database, server, folder):
    """Makes the database as soon as the server answers."""
    engine = sqlalchemy.create_engine(uri, isolation_level="AUTOCOMMIT")
    deadline = time.monotonic() + _SECONDS
    while True:
        with contextlib.suppress(sqlalchemy.exc.OperationalError), engine.connect() as connection:
            connection.execute(sqlalchemy.text(f"create database {database}"))
            break
        assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.1)
    engine.dispose()
