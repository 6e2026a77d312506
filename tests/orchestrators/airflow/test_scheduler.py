"""A real Airflow: PostgreSQL and a scheduler with LocalExecutor run two logical dates, and tasks are cleared and killed."""

import os
import secrets
import shutil
import signal

import psutil
import pytest

from data import metric_names
from pipeline import node_ids
from tests.orchestrators import processes
from tests.orchestrators.airflow import installation, live
from tests.orchestrators.databases import or_skip
from tests.support import cli
from tests.support.dags import NODES

pytestmark = pytest.mark.e2e

OLDER, NEWER = "2026-01-30", "2026-01-31"


def airflow_run_id(date):
    """Returns Airflow's id of the run of a logical date."""
    return f"manual__{date}T00:00:00+00:00"


def our_run_id(date):
    """Returns the project's id of the run of a logical date."""
    return f"fruit.{airflow_run_id(date)}"


@pytest.fixture(scope="module")
def airflow(toy, tmp_path_factory):
    mark = secrets.token_hex(8)
    with or_skip(installation.postgresql(mark)) as uri:
        new = installation.Airflow(
            tmp_path_factory.mktemp("airflow") / "home", uri, toy, mark,
            CORE__EXECUTOR="LocalExecutor", CORE__PARALLELISM=3,
            SCHEDULER__SCHEDULER_ZOMBIE_TASK_THRESHOLD=20, SCHEDULER__ZOMBIE_DETECTION_INTERVAL=2,
            SCHEDULER__LOCAL_TASK_JOB_HEARTBEAT_SEC=2, SCHEDULER__DAG_DIR_LIST_INTERVAL=5,
        )  # fmt: skip
        yield new
        new.close()
    assert processes.marked(processes.SERVER, mark) == []


@pytest.fixture(scope="module")
def output(airflow, toy):
    """The output folder of a DAG that is compiled for two days of data."""
    data, folder = airflow.home.parent / "data", airflow.home.parent / "out"
    for day in (OLDER, NEWER):
        (data / day).mkdir(parents=True)
        shutil.copy(toy / "toy" / "fruit.csv", data / day)
    airflow.compile(
        "airflow.dag_id=fruit", "airflow.retry_seconds=1", "train.steps=30000", "train.checkpoint_steps=100",
        "train.eval_seconds=1000000", dataset="toy.fruit", data=data / "{YYYY}-{MM}-{DD}" / "*.csv", output_dir=folder,
    )  # fmt: skip
    return folder


def test_killed_and_cleared_tasks_leave_exactly_one_live_output_each(airflow, output):
    with installation.scheduler(airflow) as scheduler:
        airflow.wait("the DAG", lambda: airflow.rows("select 1 from dag where dag_id = 'fruit'"), scheduler)

        def wait_for_success(date):
            """Waits until the run of a logical date has ended, and asserts that it succeeded."""

            def has_ended():
                return airflow.run_state(airflow_run_id(date)) in ("success", "failed")

            airflow.wait(f"the end of {date}", has_ended, scheduler)
            assert airflow.run_state(airflow_run_id(date)) == "success", airflow.tasks(airflow_run_id(date))

        def training_task(date):
            """Waits until the Trainer has saved a new checkpoint. Returns the process of its task."""
            before = set(output.glob("checkpoints/*/model.ckpt-*.index"))
            running = "select pid from task_instance where task_id = 'Trainer' and run_id = :run and state = 'running'"
            airflow.wait("a checkpoint", lambda: set(output.glob("checkpoints/*/model.ckpt-*.index")) - before, scheduler)
            [(task,)] = airflow.rows(running, run=airflow_run_id(date))
            return psutil.Process(task)

        # Run the newer day, and kill the task of its Trainer while it trains: the step ends with the task.
        airflow("dags", "trigger", "fruit", "-e", NEWER)
        task = training_task(NEWER)
        [step] = task.children()
        assert "step" in step.cmdline()
        task.kill()
        assert psutil.wait_procs([step], timeout=30)[1] == []
        # The second try continues from the checkpoint. Clear it while it runs: Airflow sends it SIGTERM and starts a third try.
        training_task(NEWER)
        airflow("tasks", "clear", "fruit", "--yes", "-t", "^Trainer$", "-s", NEWER, "-e", NEWER)
        wait_for_success(NEWER)
        assert airflow.tasks(airflow_run_id(NEWER)) == dict.fromkeys(("Pool", *NODES, "Outcome"), "success")
        assert airflow.log(airflow_run_id(NEWER), node_ids.TRAINER, attempt=2).count("Interrupted. Stopped by SIGTERM.") >= 1
        record = installation.record(output, our_run_id(NEWER))
        assert (record["status"], record["exit_code"], record["train"]["steps"]) == ("pushed", 0, 30000)
        assert record["train"]["resumed_from"] > 100
        assert [n["state"] for n in record["nodes"]] == ["done"] * len(NODES)
        live.assert_one_each(output, our_run_id(NEWER), NODES)
        served = cli.served_versions(output)
        assert len(served) == 1
        assert (output / "serving" / served[0] / "assets.extra" / "span").read_text() == "20484"

        # Clear a finished task and all tasks after it.
        airflow("tasks", "clear", "fruit", "--yes", "--downstream", "-t", "^Trainer$", "-s", NEWER, "-e", NEWER)
        wait_for_success(NEWER)
        assert "has already run in this run" in airflow.log(airflow_run_id(NEWER), node_ids.TRAINER, attempt=4)
        live.assert_one_each(output, our_run_id(NEWER), NODES)
        again = installation.record(output, our_run_id(NEWER))
        assert {key: again[key] for key in ("status", "train", "metrics")} == {
            key: record[key] for key in ("status", "train", "metrics")
        }
        assert cli.served_versions(output) == served

        # Run the older day. Kill the supervisor of its Trainer: the task survives, and Airflow starts a second try beside it.
        airflow("dags", "trigger", "fruit", "-e", OLDER, "-c", '{"train.seed": 2}')
        os.kill(training_task(OLDER).ppid(), signal.SIGKILL)
        wait_for_success(OLDER)
        states = airflow.tasks(airflow_run_id(OLDER))
        assert {task for task, state in states.items() if state == "skipped"} == {node_ids.PUSHER}
        assert {state for task, state in states.items() if task != node_ids.PUSHER} == {"success"}
        record = installation.record(output, our_run_id(OLDER))
        assert (record["status"], record["exit_code"], record["train"]["steps"]) == ("unchanged", 0, 30000)
        assert "span 20483" in record["why"] and record["metrics"][metric_names.AUC] > 0.7
        live.assert_one_each(output, our_run_id(OLDER), NODES[:-1])
        assert cli.served_versions(output) == served
