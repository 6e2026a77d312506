"""`airflow dags test` runs compiled DAGs without a scheduler, on SQLite."""

import json
import subprocess
import sys
import textwrap

import psutil
import pytest

from data import metric_names
from pipeline import node_ids
from pipeline.config import pipeline_config
from pipeline.orchestrators import airflow_compiler
from tests.orchestrators.airflow import installation, live
from tests.support import cli, samples
from tests.support.dags import DATA_NODES, NODES

DATE = "2026-01-31"
RUN_ID = f"manual__{DATE}T00:00:00+00:00"
OUR_RUN_ID = f"fruit.{RUN_ID}"


@pytest.fixture(scope="module")
def airflow(toy, tmp_path_factory):
    home = tmp_path_factory.mktemp("airflow") / "home"
    new = installation.Airflow(home, f"sqlite:///{home}/airflow.db", toy)
    yield new
    new.close()


@pytest.mark.slow
def test_a_dag_runs_to_a_pushed_model(airflow, tmp_path):
    airflow.compile("airflow.dag_id=fruit", dataset="toy.fruit", output_dir=tmp_path)
    output = airflow("dags", "test", "fruit", DATE)
    assert airflow.tasks(RUN_ID) == dict.fromkeys(("Pool", *NODES, "Outcome"), "success"), output
    assert airflow.run_state(RUN_ID) == "success"
    assert "DataGate: done. Passed. The data fits its schema" in output
    record = installation.record(tmp_path, OUR_RUN_ID)
    assert (record["status"], record["exit_code"], record["run_id"]) == ("pushed", 0, OUR_RUN_ID)
    assert [n["state"] for n in record["nodes"]] == ["done"] * len(NODES)
    assert record["metrics"][metric_names.AUC] > 0.7
    assert json.loads((tmp_path / "run.json").read_text()) == record
    live.assert_one_each(tmp_path, OUR_RUN_ID, NODES)
    assert len(cli.served_versions(tmp_path)) == 1
    [(slots,)] = airflow.rows("select slots from slot_pool where pool = 'heavy_tasks'")
    assert slots == 1


@pytest.mark.slow
def test_data_that_the_gate_refuses_skips_the_later_tasks_and_fails_the_run(airflow, tmp_path):
    data = samples.write_fruit(tmp_path / "single.csv", rows=1)
    airflow.compile("airflow.dag_id=fruit", dataset="toy.fruit", output_dir=tmp_path, data=data)
    output = airflow("dags", "test", "fruit", DATE, check=False)
    assert airflow.tasks(RUN_ID) == {
        **dict.fromkeys(NODES, "skipped"), **dict.fromkeys(("Pool", *DATA_NODES), "success"), "Outcome": "failed"
    }, output  # fmt: skip
    record = installation.record(tmp_path, OUR_RUN_ID)
    assert (record["status"], record["exit_code"], record["gates"][0]["id"]) == ("refused", 3, node_ids.DATA_GATE)
    assert f"AirflowFailException: Refused. {record['why']} (3)" in output
    assert {n["id"]: n["state"] for n in record["nodes"]} == {n: "done" if n in DATA_NODES else "skipped" for n in NODES}


# Stands in for the Python that runs the project's commands: records its arguments, prints a line and returns an exit code.
COMMAND = """
    #!{python}
    import json, pathlib, signal, sys, time
    arguments = sys.argv[1:]
    with pathlib.Path(__file__).with_name("calls").open("a") as calls:
        calls.write(json.dumps(arguments) + "\\n")
    node = arguments[arguments.index("--node") + 1] if "--node" in arguments else "Outcome"
    print("The reason of the gate." if node == "Outcome" else f"{{node}} prints.")
    code = {codes}.get(node, 0)
    if code == "ends on SIGTERM":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("A checkpoint is saved.") or 143))
        print("Training.", flush=True)
        time.sleep(600)
    sys.exit(code)
"""


@pytest.fixture
def run_stand_in(airflow, tmp_path):
    """Returns a function that runs a DAG whose steps execute COMMAND.

    The function takes node -> exit code, settings, the run's configuration as JSON, and the function that starts Airflow. It
    returns Airflow's output and the arguments of each command.
    """

    def run(codes, *settings, conf="{}", start=lambda airflow, *args: airflow(*args, check=False)):
        program = tmp_path / "python"
        program.write_text(textwrap.dedent(COMMAND).lstrip().format(python=sys.executable, codes=codes))
        program.chmod(0o755)
        options = {"dataset": "toy.fruit", "output_dir": str(tmp_path)}
        config = pipeline_config.load(None, ("airflow.dag_id=fruit", f"airflow.python={program}", *settings), options)
        for path, text in airflow_compiler.compile(config, airflow.dags / "fruit.py").items():
            path.write_text(text)
        output = start(airflow, "dags", "test", "fruit", DATE, "--conf", conf)
        return output, [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]

    return run


def sets(call):
    """Returns the settings of a command, its arguments after --set."""
    return {call[i + 1] for i, argument in enumerate(call) if argument == "--set"}


DATA = "/data/{YYYY}-{MM}-{DD}/*.csv"


def test_tasks_after_a_refusal_are_skipped_and_the_outcome_fails_with_the_reason(airflow, run_stand_in):
    skipped = (node_ids.TRANSFORM, node_ids.LATEST_BLESSED_MODEL, node_ids.LATEST_TUNED)
    output, calls = run_stand_in(dict.fromkeys(skipped, 99) | {"Outcome": 3})
    states = airflow.tasks(RUN_ID)
    assert states.pop("Outcome") == "failed"
    downstream = {*skipped, node_ids.TRAINER, node_ids.CHAMPION_GATE, node_ids.EVALUATOR, node_ids.PUSHER}
    assert {task for task, state in states.items() if state == "skipped"} == downstream
    assert set(states.values()) == {"success", "skipped"}
    assert "AirflowFailException: The reason of the gate. (3)" in output
    assert airflow.run_state(RUN_ID) == "failed"
    assert len(calls) == 9  # Airflow does not even start the four tasks after the skipped ones
    assert sets(calls[0]) == {"train.steps=200"}  # this data has no spans


def test_a_task_with_unusable_input_is_not_tried_again(airflow, run_stand_in):
    output, calls = run_stand_in({node_ids.CSV_EXAMPLE_GEN: 2, "Outcome": 2}, f"data.path={DATA}", conf='{"data.span": 20400}')
    assert airflow.tasks(RUN_ID)[node_ids.CSV_EXAMPLE_GEN] == "failed"
    assert "Immediate failure requested" in output
    assert [call[1:3] for call in calls] == [["pipeline", "step"], ["pipeline", "end"]]
    assert sets(calls[0]) == sets(calls[1]) == {f"data.path={DATA}", "data.span=20400", "train.steps=200"}


def test_a_task_with_a_transient_failure_is_tried_again(airflow, run_stand_in):
    settings = ("airflow.retry_seconds=1", "airflow.retries=1", "airflow.span_by_date=false", f"data.path={DATA}")
    output, calls = run_stand_in({node_ids.CSV_EXAMPLE_GEN: 1, "Outcome": 1}, *settings)
    assert "Marking task as UP_FOR_RETRY" in output
    assert airflow.tries(RUN_ID, node_ids.CSV_EXAMPLE_GEN) == 2
    assert airflow.run_state(RUN_ID) == "failed"
    assert [call[2] for call in calls] == ["step", "step", "end"]
    assert sets(calls[0]) == {f"data.path={DATA}", "train.steps=200"}


def test_the_logical_date_selects_the_span_and_a_run_may_set_more(run_stand_in):
    _, calls = run_stand_in({}, f"data.path={DATA}", conf='{"train.seed": 5, "train.steps": 7}')
    assert len(calls) == len(NODES) + 1
    for call in calls:
        assert sets(call) == {f"data.path={DATA}", "data.span=20484", "train.seed=5", "train.steps=7"}
        assert call[call.index("--run-id") + 1] == OUR_RUN_ID


def test_a_backfill_reads_the_span_of_each_of_its_days(run_stand_in):
    def backfill(airflow, *args):
        airflow("pools", "set", "heavy_tasks", "1", "Airflow looks for the pool before the first task creates it")
        days = ("-s", "2026-02-02", "-e", "2026-02-03")  # no other test uses these days
        return airflow("dags", "backfill", "fruit", *days, "--task-regex", "^CsvExampleGen$", "--ignore-dependencies")

    _, calls = run_stand_in({}, f"data.path={DATA}", "airflow.schedule=@daily", start=backfill)
    assert [(call[call.index("--run-id") + 1], sets(call) & {"data.span=20486", "data.span=20487"}) for call in calls] == [
        ("fruit.backfill__2026-02-02T00:00:00+00:00", {"data.span=20486"}),
        ("fruit.backfill__2026-02-03T00:00:00+00:00", {"data.span=20487"}),
    ]


def test_sigterm_reaches_the_step_which_saves_a_checkpoint_and_prints_so(run_stand_in):
    def start_and_terminate(airflow, *args):
        with subprocess.Popen(airflow.command(*args), env=airflow.environment, stdout=subprocess.PIPE, text=True) as process:
            output = ""
            for line in process.stdout:
                output += line
                if line.endswith("Training.\n"):
                    process.terminate()
        return output

    output, calls = run_stand_in({node_ids.CSV_EXAMPLE_GEN: "ends on SIGTERM"}, start=start_and_terminate)
    assert "A checkpoint is saved." in output
    [parent] = {int(call[call.index("--parent") + 1]) for call in calls}
    assert not psutil.pid_exists(parent)
