"""Database servers from Debian's packages, each in a folder of its own, on a port of the loopback, gone afterwards."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import sqlalchemy

from tests.orchestrators import processes

PASSWORD = "not-a-secret"
_SECONDS = 60


@contextlib.contextmanager
def postgresql(port):
    """Yields the URI of an empty database of PostgreSQL's, as `metadata.uri` takes it. Its user has PASSWORD.

    Raises:
        FileNotFoundError: the package is not there.
    """
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), default=None)
    if programs is None:
        raise FileNotFoundError("PostgreSQL is not installed: apt-get install postgresql.")
    with _folder("postgres") as (folder, user):
        (folder / "password").write_text(PASSWORD)
        if user:
            shutil.chown(folder / "password", "postgres")
        make = [
            programs / "initdb",
            "-D",
            folder / "data",
            "-U",
            "tfx",
            "-A",
            "md5",
            f"--pwfile={folder / 'password'}",
            "--no-sync",
        ]
        subprocess.run(make, cwd=folder, stdout=subprocess.DEVNULL, check=True, **user)
        command = [programs / "postgres", "-D", folder / "data", "-k", folder, "-p", str(port), "-c", "fsync=off"]
        with _running(command, folder, user):
            _create(f"postgresql+psycopg2://tfx:{PASSWORD}@127.0.0.1:{port}/postgres")
            yield f"postgresql://tfx@127.0.0.1:{port}/mlmd"


@contextlib.contextmanager
def mysql(port):
    """The same of MariaDB.

    Raises:
        FileNotFoundError: the package is not there.
    """
    if not shutil.which("mariadb-install-db"):
        raise FileNotFoundError("MariaDB is not installed: apt-get install mariadb-server-core mariadb-client-core.")
    with _folder("nobody") as (folder, user):
        data = folder / "data"
        make = ["mariadb-install-db", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run(make, cwd=folder, stdout=subprocess.DEVNULL, check=True, **user)
        orders = folder / "orders.sql"
        orders.write_text(
            "create database mlmd;\n"
            f"create user tfx@'127.0.0.1' identified by '{PASSWORD}';\n"
            "grant all on mlmd.* to tfx@'127.0.0.1';\n"
        )
        command = [
            shutil.which("mariadbd"), f"--datadir={data}", "--bind-address=127.0.0.1", f"--port={port}",
            f"--init-file={orders}", f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}",
            "--skip-name-resolve", "--skip-log-bin",
        ]  # fmt: skip
        with _running(command, folder, user) as server:
            _wait(port, server)
            yield f"mysql://tfx@127.0.0.1:{port}/mlmd"


@contextlib.contextmanager
def _folder(name):
    """A folder, and who the server is to be: neither of the two runs as root."""
    folder = Path(tempfile.mkdtemp(prefix="database-", dir="/tmp"))  # the path of a socket has 107 characters at most
    user = {}
    if os.geteuid() == 0:
        user = {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}
        shutil.chown(folder, name)
    try:
        yield folder, user
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _running(command, folder, user):
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, **user)
    try:
        yield server
    finally:
        server.terminate()
        server.wait(_SECONDS)


def _wait(port, server):
    """Waits until somebody listens. What MariaDB is to do first, it has done then."""
    deadline = time.monotonic() + _SECONDS
    while not processes.listens(port):
        assert server.poll() is None and time.monotonic() < deadline, "MariaDB does not start"
        time.sleep(0.1)


def _create(uri):
    """Makes the database as soon as the server answers."""
    engine = sqlalchemy.create_engine(uri, isolation_level="AUTOCOMMIT")
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            with engine.connect() as connection:
                connection.execute(sqlalchemy.text("create database mlmd"))
            break
        except sqlalchemy.exc.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
    engine.dispose()
