"""The DAG of a compiled pipeline for Airflow 2. Each task runs one node, in the environment of the project.

`python -m pipeline compile airflow` copies this file unchanged. All values come from the JSON file beside the copy, which has
the same name. To change a value, change the setting and compile again.

The file imports Airflow and the standard library only: Airflow may run in an environment without the project, on Python 3.8 or
newer. It cannot be imported from the project itself, where no JSON file is beside it.
"""

from __future__ import annotations

import json
import os
import shlex
from datetime import datetime, timedelta, timezone
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from threading import Timer
from typing import Any

from airflow import DAG
from airflow.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from airflow.models import BaseOperator, Pool
from airflow.operators.python import PythonOperator

# `pipeline.orchestrators.airflow_compiler.DagValues` says what each value means.
COMPILED = Path(__file__).with_suffix(".json")
VALUES: dict[str, Any] = json.loads(COMPILED.read_text("utf-8"))["airflow"]
SECONDS_PER_DAY = 86400


class ProjectOperator(BaseOperator):
    """Runs a command of the project. Its exit code decides the state of the task."""

    template_fields = ("command",)

    def __init__(self, command: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.command = [VALUES["python"], "-m", "pipeline", *command, "--pipeline", str(COMPILED)]
        self.command += ["--run-id", "{{ dag.dag_id }}.{{ run_id }}"]

    def execute(self, context: Any) -> None:
        """Runs the command with the parameters of this run. The command ends when the task ends.

        Raises:
            AirflowSkipException: a gate decided that the node does not run.
            AirflowFailException: another try would fail in the same way.
            AirflowException: another try may succeed.
        """
        command = self.command + assignments(context["params"], context["logical_date"])
        self.log.info("In %s: %s", VALUES["project"], shlex.join(command))
        command += ["--parent", str(os.getpid())]  # it is killed when this process dies
        with Popen(
            command, cwd=VALUES["project"], start_new_session=True, stdout=PIPE, stderr=STDOUT, text=True, errors="replace"
        ) as process:
            try:
                last_line = self.show(process)
            except BaseException:  # Airflow raises here on SIGTERM and when the time limit is reached
                process.terminate()  # the Trainer saves a checkpoint
                killer = Timer(VALUES["grace_seconds"], process.kill)
                killer.start()
                self.show(process)
                killer.cancel()
                raise
        if process.returncode:
            raise exception(process.returncode)(f"{last_line} ({process.returncode})")

    def show(self, process: Popen[str]) -> str:
        """Copies the output of the command to the log until the command has ended. Returns the last line that is not empty."""
        last_line = ""
        for line in process.stdout or ():
            last_line = line.strip() or last_line
            self.log.info(line.rstrip())
        process.wait()
        return last_line


def assignments(params: dict[str, Any], logical_date: datetime) -> list[str]:
    """Returns `--set KEY=VALUE` for each parameter of a run that has a value, and for the span of its logical date."""
    values = {key: value for key, value in params.items() if value not in ("", None)}
    if VALUES["span_by_date"] and "{" in values.get("data.path", ""):  # a span is a number of days since 1970
        values.setdefault("data.span", int(logical_date.timestamp()) // SECONDS_PER_DAY)
    return [argument for key, value in values.items() for argument in ("--set", f"{key}={value}")]


def exception(exit_code: int) -> type[AirflowException]:
    """Returns the exception that tells Airflow what an exit code other than 0 means."""
    if exit_code == VALUES["skipped_exit_code"]:
        return AirflowSkipException
    return AirflowFailException if exit_code in VALUES["final_exit_codes"] else AirflowException


def make_pool() -> None:
    """Creates the pool if it does not exist: without it, its tasks would wait for ever and log nothing."""
    if not Pool.get_pool(VALUES["pool"]):
        Pool.create_or_update_pool(VALUES["pool"], 1, "Heavy tasks: one at a time", include_deferred=False)


with DAG(
    VALUES["dag_id"],
    description=VALUES["description"],
    schedule=VALUES["schedule"],
    start_date=datetime.fromisoformat(VALUES["start"]).replace(tzinfo=timezone.utc),
    catchup=VALUES["catchup"],
    max_active_runs=1,
    params=VALUES["params"],
    default_args={
        "retries": VALUES["retries"],
        "retry_delay": timedelta(seconds=VALUES["retry_seconds"]),
        "execution_timeout": timedelta(seconds=VALUES["seconds"]) if VALUES["seconds"] else None,
    },
) as dag:
    pool = PythonOperator(task_id="Pool", python_callable=make_pool)
    # This task also runs after a failure. Its exit code is that of the run.
    outcome = ProjectOperator(task_id="Outcome", command=["end"], trigger_rule="all_done", retries=0)
    for node, upstream in VALUES["upstream"].items():
        task = ProjectOperator(
            task_id=node,
            command=["step", "--node", node, "--skipped-exit-code", str(VALUES["skipped_exit_code"])],
            pool=VALUES["pool"] if node in VALUES["heavy"] else "default_pool",
        )
        ([dag.get_task(name) for name in upstream] or [pool]) >> task >> outcome
