"""A DAG in Airflow without a scheduler: `airflow dags test`, on SQLite."""

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
from tests.orchestrators.airflow import live, rig
from tests.support import cli, samples
from tests.support.dags import DATA_NODES, NODES

DATE = "2026-01-31"
RUN = f"manual__{DATE}T00:00:00+00:00"
OURS = f"fruit.{RUN}"


@pytest.fixture(scope="module")
def airflow(toy, tmp_path_factory):
    home = tmp_path_factory.mktemp("airflow") / "home"
    made = rig.Airflow(home, f"sqlite:///{home}/airflow.db", toy)
    yield made
    made.close()


@pytest.mark.slow
def test_a_whole_run(airflow, tmp_path):
    airflow.compile("airflow.dag_id=fruit", dataset="toy.fruit", output_dir=tmp_path)
    said = airflow("dags", "test", "fruit", DATE)
    assert airflow.tasks(RUN) == dict.fromkeys(("Pool", *NODES, "Outcome"), "success"), said
    assert airflow.run_state(RUN) == "success"
    assert "DataGate: done. Passed. The data fits its schema" in said
    record = rig.record(tmp_path, OURS)
    assert (record["status"], record["exit_code"], record["run_id"]) == ("pushed", 0, OURS)
    assert [n["state"] for n in record["nodes"]] == ["done"] * len(NODES)
    assert record["metrics"][metric_names.AUC] > 0.7
    assert json.loads((tmp_path / "run.json").read_text()) == record
    live.assert_one_each(tmp_path, OURS, NODES)
    assert len(cli.served_versions(tmp_path)) == 1
    [(slots,)] = airflow.rows("select slots from slot_pool where pool = 'heavy_tasks'")
    assert slots == 1


@pytest.mark.slow
def test_data_that_a_gate_refuses(airflow, tmp_path):
    data = samples.write_fruit(tmp_path / "single.csv", rows=1)
    airflow.compile("airflow.dag_id=fruit", dataset="toy.fruit", output_dir=tmp_path, data=data)
    said = airflow("dags", "test", "fruit", DATE, check=False)
    assert airflow.tasks(RUN) == {
        **dict.fromkeys(NODES, "skipped"), **dict.fromkeys(("Pool", *DATA_NODES), "success"), "Outcome": "failed"
    }, said  # fmt: skip
    record = rig.record(tmp_path, OURS)
    assert (record["status"], record["exit_code"], record["gates"][0]["id"]) == ("refused", 3, node_ids.DATA_GATE)
    assert f"AirflowFailException: Refused. {record['why']} (3)" in said
    assert {n["id"]: n["state"] for n in record["nodes"]} == {n: "done" if n in DATA_NODES else "skipped" for n in NODES}


# The project's command as Airflow sees it: it says something, and has an exit code.
COMMAND = """
    #!{python}
    import json, pathlib, signal, sys, time
    arguments = sys.argv[1:]
    with pathlib.Path(__file__).with_name("calls").open("a") as calls:
        calls.write(json.dumps(arguments) + "\\n")
    node = arguments[arguments.index("--node") + 1] if "--node" in arguments else "Outcome"
    print("The gate says why." if node == "Outcome" else f"{{node}} speaks.")
    code = {codes}.get(node, 0)
    if code == "asked to end":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(print("A checkpoint is saved.") or 143))
        print("I train.", flush=True)
        time.sleep(600)
    sys.exit(code)
"""


@pytest.fixture
def pretended(airflow, tmp_path):
    """Returns a function: exit codes of nodes, settings -> what `dags test` says, and the arguments of each command."""

    def run(codes, *settings, conf="{}", call=lambda airflow, *args: airflow(*args, check=False)):
        program = tmp_path / "python"
        program.write_text(textwrap.dedent(COMMAND).lstrip().format(python=sys.executable, codes=codes))
        program.chmod(0o755)
        options = {"dataset": "toy.fruit", "output_dir": str(tmp_path)}
        given = pipeline_config.load(None, ("airflow.dag_id=fruit", f"airflow.python={program}", *settings), options)
        for path, text in airflow_compiler.compile(given, airflow.dags / "fruit.py").items():
            path.write_text(text)
        said = call(airflow, "dags", "test", "fruit", DATE, "--conf", conf)
        return said, [json.loads(line) for line in (tmp_path / "calls").read_text().splitlines()]

    return run


def sets(call):
    """What a command was told to set."""
    return {call[i + 1] for i, argument in enumerate(call) if argument == "--set"}


DATA = "/data/{YYYY}-{MM}-{DD}/*.csv"


def test_what_a_gate_refuses_is_skipped_and_the_outcome_is_failed_with_its_reason(airflow, pretended):
    skipped = (node_ids.TRANSFORM, node_ids.LATEST_BLESSED_MODEL, node_ids.LATEST_TUNED)
    said, calls = pretended(dict.fromkeys(skipped, 99) | {"Outcome": 3})
    states = airflow.tasks(RUN)
    assert states.pop("Outcome") == "failed"
    behind = {*skipped, node_ids.TRAINER, node_ids.CHAMPION_GATE, node_ids.EVALUATOR, node_ids.PUSHER}
    assert {task for task, state in states.items() if state == "skipped"} == behind
    assert set(states.values()) == {"success", "skipped"}
    assert "AirflowFailException: The gate says why. (3)" in said
    assert airflow.run_state(RUN) == "failed"
    assert len(calls) == 9  # those behind what was skipped are not even started
    assert sets(calls[0]) == {"train.steps=200"}  # this data has no spans


def test_input_that_cannot_be_used_is_not_tried_again(airflow, pretended):
    said, calls = pretended({node_ids.CSV_EXAMPLE_GEN: 2, "Outcome": 2}, f"data.path={DATA}", conf='{"data.span": 20400}')
    assert airflow.tasks(RUN)[node_ids.CSV_EXAMPLE_GEN] == "failed"
    assert "Immediate failure requested" in said
    assert [call[1:3] for call in calls] == [["pipeline", "step"], ["pipeline", "end"]]
    assert sets(calls[0]) == sets(calls[1]) == {f"data.path={DATA}", "data.span=20400", "train.steps=200"}


def test_what_may_pass_is_tried_again(airflow, pretended):
    settings = ("airflow.retry_seconds=1", "airflow.retries=1", "airflow.span_by_date=false", f"data.path={DATA}")
    said, calls = pretended({node_ids.CSV_EXAMPLE_GEN: 1, "Outcome": 1}, *settings)
    assert "Marking task as UP_FOR_RETRY" in said
    assert airflow.tries(RUN, node_ids.CSV_EXAMPLE_GEN) == 2
    assert airflow.run_state(RUN) == "failed"
    assert [call[2] for call in calls] == ["step", "step", "end"]
    assert sets(calls[0]) == {f"data.path={DATA}", "train.steps=200"}


def test_the_logical_date_selects_the_span_and_a_run_may_set_more(pretended):
    _, calls = pretended({}, f"data.path={DATA}", conf='{"train.seed": 5, "train.steps": 7}')
    assert len(calls) == len(NODES) + 1
    for call in calls:
        assert sets(call) == {f"data.path={DATA}", "data.span=20484", "train.seed=5", "train.steps=7"}
        assert call[call.index("--run-id") + 1] == OURS


def test_a_backfill_reads_the_span_of_each_of_its_days(pretended):
    def backfill(airflow, *args):
        airflow("pools", "set", "heavy_tasks", "1", "it looks for the pool before its first task could make it")
        days = ("-s", "2026-02-02", "-e", "2026-02-03")  # no other test has had them
        return airflow("dags", "backfill", "fruit", *days, "--task-regex", "^CsvExampleGen$", "--ignore-dependencies")

    _, calls = pretended({}, f"data.path={DATA}", "airflow.schedule=@daily", call=backfill)
    assert [(call[call.index("--run-id") + 1], sets(call) & {"data.span=20486", "data.span=20487"}) for call in calls] == [
        ("fruit.backfill__2026-02-02T00:00:00+00:00", {"data.span=20486"}),
        ("fruit.backfill__2026-02-03T00:00:00+00:00", {"data.span=20487"}),
    ]


def test_sigterm_reaches_the_step_which_has_time_to_save_and_shows_what_it_says(pretended):
    def call(airflow, *args):
        with subprocess.Popen(airflow.command(*args), env=airflow.environment, stdout=subprocess.PIPE, text=True) as process:
            said = ""
            for line in process.stdout:
                said += line
                if line.endswith("I train.\n"):
                    process.terminate()
        return said

    said, calls = pretended({node_ids.CSV_EXAMPLE_GEN: "asked to end"}, call=call)
    assert "A checkpoint is saved." in said
    [parent] = {int(call[call.index("--parent") + 1]) for call in calls}
    assert not psutil.pid_exists(parent)
