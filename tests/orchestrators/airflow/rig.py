"""An Airflow of a test's own: its home, its database, its command line, and a scheduler if it is to have one."""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import sqlalchemy

from tests.orchestrators import databases, processes
from tests.support import cli

# Of one task, and of a whole run, on a small and busy machine.
_SECONDS = 900


class Airflow:
    """An installation of Airflow whose DAGs lie in `dags`."""

    def __init__(self, home, uri, path, mark=None, **settings):
        """`uri`: of the database; `path`: what the project's commands can import; `settings`: SECTION__KEY=value."""
        self.home, self.dags, self._engine = home, home / "dags", sqlalchemy.create_engine(uri)
        self.dags.mkdir(parents=True)
        self.environment = {
            **{key: value for key, value in cli.environment(path).items() if not key.startswith("AIRFLOW")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # some executors start `airflow`
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": uri,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "TF_CPP_MIN_LOG_LEVEL": "2",
            **({processes.RIG: mark} if mark else {}),
            **{f"AIRFLOW__{key}": str(value) for key, value in settings.items()},
        }
        self("db", "migrate")

    def __call__(self, *args, check=True):
        """Runs a command of Airflow's. Returns what it has said."""
        done = subprocess.run(
            self.command(*args),
            env=self.environment, cwd=self.home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=_SECONDS, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout
        return done.stdout

    def command(self, *args):
        return [str(Path(sys.executable).with_name("airflow")), *map(str, args)]

    def compile(self, *settings, name="fruit.py", code=cli.ROOT, **options):
        """Compiles a DAG into the folder."""
        arguments = [part for key, value in options.items() for part in (f"--{key.replace('_', '-')}", str(value))]
        arguments += [part for setting in settings for part in ("--set", setting)]
        done = subprocess.run(
            cli.command("compile", "airflow", "--out", self.dags / name, *arguments),
            env=self.environment, cwd=code, capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def rows(self, query, **values):
        """Asks the database."""
        with self._engine.connect() as connection:
            return connection.execute(sqlalchemy.text(query), values).fetchall()

    def run_state(self, run_id):
        return self.rows("select state from dag_run where run_id = :run", run=run_id)[0][0]

    def tasks(self, run_id):
        """Returns task -> state."""
        return dict(self.rows("select task_id, state from task_instance where run_id = :run", run=run_id))

    def tries(self, run_id, task):
        query = "select try_number from task_instance where run_id = :run and task_id = :task"
        return self.rows(query, run=run_id, task=task)[0][0]

    def log(self, run_id, task, attempt=1):
        """What a task has said."""
        return next(self.home.glob(f"logs/dag_id=*/run_id={run_id}/task_id={task}/attempt={attempt}.log")).read_text()

    def wait(self, what, until, scheduler):
        """Waits until something is so, while the scheduler lives. Returns it."""
        deadline = time.monotonic() + _SECONDS
        while not (found := until()):
            scheduler.check()
            assert time.monotonic() < deadline, f"{what} has not come within {_SECONDS} s"
            time.sleep(0.1)
        return found

    def close(self):
        self._engine.dispose()


@contextlib.contextmanager
def scheduler(airflow):
    """The scheduler, its workers among its children. It listens nowhere."""
    command = airflow.command("scheduler", "--skip-serve-logs")
    server = processes.Server("scheduler", command, airflow.home, airflow.environment)
    try:
        yield server
    finally:
        server.stop(60)


@contextlib.contextmanager
def postgresql(mark):
    """Yields the URI of an empty database of PostgreSQL's, whose processes have the mark.

    Raises:
        debian.MissingPackageError: the package cannot be had.
    """
    with databases.postgresql(processes.free_port(), "airflow", **{processes.RIG: mark}) as uri:
        yield uri.replace("postgresql://tfx@", f"postgresql+psycopg2://tfx:{databases.PASSWORD}@")


def record(output, run_id):
    """The record of a run."""
    return json.loads((output / "runs" / run_id / "run.json").read_text())
