"""Airflow for real: PostgreSQL, a scheduler with LocalExecutor, two logical dates, tasks that are cleared and killed."""

import os
import secrets
import shutil
import signal

import psutil
import pytest

from data import metric_names
from pipeline import node_ids
from tests.orchestrators import processes
from tests.orchestrators.airflow import live, rig
from tests.orchestrators.databases import or_skip
from tests.support import cli
from tests.support.dags import NODES

pytestmark = pytest.mark.e2e

OLDER, NEWER = "2026-01-30", "2026-01-31"


def run_id(date):
    return f"manual__{date}T00:00:00+00:00"


def ours(date):
    """What the project calls the run."""
    return f"fruit.{run_id(date)}"


@pytest.fixture(scope="module")
def airflow(toy, tmp_path_factory):
    mark = secrets.token_hex(8)
    with or_skip(rig.postgresql(mark)) as uri:
        made = rig.Airflow(
            tmp_path_factory.mktemp("airflow") / "home", uri, toy, mark,
            CORE__EXECUTOR="LocalExecutor", CORE__PARALLELISM=3,
            SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD=20, SCHEDULER__ZOMBIE_DETECTION_INTERVAL=2,
            SCHEDULER__LOCAL_TASK_JOB_HEARTBEAT_SEC=2, SCHEDULER__DAG_DIR_LIST_INTERVAL=5,
        )  # fmt: skip
        yield made
        made.close()
    assert processes.marked(processes.RIG, mark) == []


@pytest.fixture(scope="module")
def output(airflow, toy):
    """The output folder of a DAG over two days of data."""
    data, folder = airflow.home.parent / "data", airflow.home.parent / "out"
    for day in (OLDER, NEWER):
        (data / day).mkdir(parents=True)
        shutil.copy(toy / "toy" / "fruit.csv", data / day)
    airflow.compile(
        "airflow.dag_id=fruit", "airflow.retry_seconds=1", "train.steps=30000", "train.checkpoint_steps=100",
        "train.eval_seconds=1000000", dataset="toy.fruit", data=data / "{YYYY}-{MM}-{DD}" / "*.csv", output_dir=folder,
    )  # fmt: skip
    return folder


def test_tasks_that_are_killed_or_cleared_leave_one_live_output_each(airflow, output):
    with rig.scheduler(airflow) as scheduler:
        airflow.wait("the DAG", lambda: airflow.rows("select 1 from dag where dag_id = 'fruit'"), scheduler)

        def finished(date, state="success"):
            def over():
                return airflow.run_state(run_id(date)) in ("success", "failed")

            airflow.wait(f"the end of {date}", over, scheduler)
            assert airflow.run_state(run_id(date)) == state, airflow.tasks(run_id(date))

        def trainer(date):
            """Waits until the Trainer has a checkpoint that it had not before. Returns the task's process."""
            before = set(output.glob("checkpoints/*/model.ckpt-*.index"))
            running = "select pid from task_instance where task_id = 'Trainer' and run_id = :run and state = 'running'"
            airflow.wait("a checkpoint", lambda: set(output.glob("checkpoints/*/model.ckpt-*.index")) - before, scheduler)
            [(task,)] = airflow.rows(running, run=run_id(date))
            return psutil.Process(task)

        # The newer day. Its Trainer's task is killed in the middle: the step ends with it.
        airflow("dags", "trigger", "fruit", "-e", NEWER)
        task = trainer(NEWER)
        [step] = task.children()
        assert "step" in step.cmdline()
        task.kill()
        assert psutil.wait_procs([step], timeout=30)[1] == []
        # The next try goes on from there, and is cleared while it runs: Airflow sends it SIGTERM, and there is a third one.
        trainer(NEWER)
        airflow("tasks", "clear", "fruit", "--yes", "-t", "^Trainer$", "-s", NEWER, "-e", NEWER)
        finished(NEWER)
        assert airflow.tasks(run_id(NEWER)) == dict.fromkeys(("Pool", *NODES, "Outcome"), "success")
        assert airflow.log(run_id(NEWER), node_ids.TRAINER, attempt=2).count("Interrupted. Stopped by SIGTERM.") >= 1
        record = rig.record(output, ours(NEWER))
        assert (record["status"], record["exit_code"], record["train"]["steps"]) == ("pushed", 0, 30000)
        assert record["train"]["resumed_from"] > 100
        assert [n["state"] for n in record["nodes"]] == ["done"] * len(NODES)
        live.assert_one_each(output, ours(NEWER), NODES)
        served = cli.served_versions(output)
        assert len(served) == 1
        assert (output / "serving" / served[0] / "assets.extra" / "span").read_text() == "20484"

        # A finished task is cleared, with all behind it.
        airflow("tasks", "clear", "fruit", "--yes", "--downstream", "-t", "^Trainer$", "-s", NEWER, "-e", NEWER)
        finished(NEWER)
        assert "has run in this run before" in airflow.log(run_id(NEWER), node_ids.TRAINER, attempt=4)
        live.assert_one_each(output, ours(NEWER), NODES)
        again = rig.record(output, ours(NEWER))
        assert {key: again[key] for key in ("status", "train", "metrics")} == {
            key: record[key] for key in ("status", "train", "metrics")
        }
        assert cli.served_versions(output) == served

        # The older day is made up for. Its Trainer's supervisor is killed: the task lives on, and another try comes beside it.
        airflow("dags", "trigger", "fruit", "-e", OLDER, "-c", '{"train.seed": 2}')
        os.kill(trainer(OLDER).ppid(), signal.SIGKILL)
        finished(OLDER)
        states = airflow.tasks(run_id(OLDER))
        assert {task for task, state in states.items() if state == "skipped"} == {node_ids.PUSHER}
        assert {state for task, state in states.items() if task != node_ids.PUSHER} == {"success"}
        record = rig.record(output, ours(OLDER))
        assert (record["status"], record["exit_code"], record["train"]["steps"]) == ("unchanged", 0, 30000)
        assert "span 20483" in record["why"] and record["metrics"][metric_names.AUC] > 0.7
        live.assert_one_each(output, ours(OLDER), NODES[:-1])
        assert cli.served_versions(output) == served
