"""An Airflow installation for a test: home folder, database, command line, and optionally a scheduler."""

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

# Time limit of a task and of a whole run on a small and busy machine.
_SECONDS = 900


class Airflow:
    """An Airflow installation. Calling the object runs an Airflow command.

    Attributes:
        home: Airflow's home folder.
        dags: folder of the DAG files.
        environment: variables of all its processes.
    """

    def __init__(self, home, uri, path, mark=None, **settings):
        """Creates the installation and its database tables.

        Args:
            home: a new folder.
            uri: URI of Airflow's database.
            path: folder that the project's commands can import from, or None.
            mark: value of `processes.SERVER` in the environment of all processes, or None for no mark.
            **settings: Airflow's settings as SECTION__KEY=value.
        """
        self.home, self.dags, self._engine = home, home / "dags", sqlalchemy.create_engine(uri)
        self.dags.mkdir(parents=True)
        self.environment = {
            **{key: value for key, value in cli.environment(path).items() if not key.startswith("AIRFLOW")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # LocalExecutor starts `airflow`
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": uri,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "TF_CPP_MIN_LOG_LEVEL": "2",
            **({processes.SERVER: mark} if mark else {}),
            **{f"AIRFLOW__{key}": str(value) for key, value in settings.items()},
        }
        self("db", "migrate")

    def __call__(self, *args, check=True):
        """Runs an Airflow command. Returns its standard output and standard error."""
        done = subprocess.run(
            self.command(*args),
            env=self.environment, cwd=self.home, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=_SECONDS, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout
        return done.stdout

    def command(self, *args):
        """Returns the command line of an Airflow command."""
        return [str(Path(sys.executable).with_name("airflow")), *map(str, args)]

    def compile(self, *settings, name="fruit.py", code=cli.ROOT, **options):
        """Runs `compile airflow`, which writes a DAG file into the DAG folder.

        Args:
            *settings: KEY=VALUE for --set.
            name: name of the DAG file.
            code: checkout that the DAG is compiled in.
            **options: other command-line options, such as output_dir.
        """
        arguments = [part for key, value in options.items() for part in (f"--{key.replace('_', '-')}", str(value))]
        arguments += [part for setting in settings for part in ("--set", setting)]
        done = subprocess.run(
            cli.command("compile", "airflow", "--out", self.dags / name, *arguments),
            env=self.environment, cwd=code, capture_output=True, text=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def rows(self, query, **values):
        """Returns the rows of an SQL query of Airflow's database."""
        with self._engine.connect() as connection:
            return connection.execute(sqlalchemy.text(query), values).fetchall()

    def run_state(self, run_id):
        """Returns the state of a DAG run, such as "success"."""
        return self.rows("select state from dag_run where run_id = :run", run=run_id)[0][0]

    def tasks(self, run_id):
        """Returns the states of the tasks of a run: task -> state."""
        return dict(self.rows("select task_id, state from task_instance where run_id = :run", run=run_id))

    def tries(self, run_id, task):
        """Returns how often a task was tried."""
        query = "select try_number from task_instance where run_id = :run and task_id = :task"
        return self.rows(query, run=run_id, task=task)[0][0]

    def log(self, run_id, task, attempt=1):
        """Returns the log of a try of a task."""
        return next(self.home.glob(f"logs/dag_id=*/run_id={run_id}/task_id={task}/attempt={attempt}.log")).read_text()

    def wait(self, what, until, scheduler):
        """Waits until a function returns a true value, at most _SECONDS. Returns that value. `what` names it in the error.

        Raises:
            RuntimeError: the scheduler has ended.
        """
        deadline = time.monotonic() + _SECONDS
        while not (result := until()):
            scheduler.check()
            assert time.monotonic() < deadline, f"Waited {_SECONDS} s in vain for {what}."
            time.sleep(0.1)
        return result

    def close(self):
        """Closes the connections to the database."""
        self._engine.dispose()


@contextlib.contextmanager
def scheduler(airflow):
    """Starts Airflow's scheduler, which starts its workers as child processes. It listens on no port."""
    command = airflow.command("scheduler", "--skip-serve-logs")
    server = processes.Server("scheduler", command, airflow.home, airflow.environment)
    try:
        yield server
    finally:
        server.stop(60)


@contextlib.contextmanager
def postgresql(mark):
    """Starts PostgreSQL, whose processes have the mark. Yields the URI of an empty database in SQLAlchemy's form.

    Raises:
        debian.MissingPackageError: the package is not installed and cannot be downloaded.
    """
    with databases.postgresql(processes.free_port(), "airflow", **{processes.SERVER: mark}) as uri:
        yield uri.replace("postgresql://tfx@", f"postgresql+psycopg2://tfx:{databases.PASSWORD}@")


def record(output, run_id):
    """Returns the record of a run."""
    return json.loads((output / "runs" / run_id / "run.json").read_text())
