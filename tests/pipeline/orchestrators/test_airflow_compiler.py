"""`compile airflow` writes two deterministic files and refuses wrong settings. (tests/orchestrators runs the files.)"""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pipeline import graph, node_ids
from pipeline.config import pipeline_config, reading
from pipeline.errors import UsageError
from pipeline.orchestrators import airflow_compiler, compiled_pipeline
from tests.support import cli

# To update it after an intended change, run UPDATE_GOLDEN=1 make test ARGS="-k golden" and read the difference.
GOLDEN = Path(__file__).with_name("golden") / "airflow_taxi.json"
DAG_FILE = cli.ROOT / "pipeline" / "orchestrators" / "airflow_dag.py"
PACKAGES = ("pipeline", "components", "trainer_module", "data")
SPANS = "data.path=/data/{YYYY}-{MM}-{DD}/*.csv"


def compiled(out: Path, *assignments: str, **options: str) -> dict[str, str]:
    """Returns the compiled files: name -> text."""
    texts = airflow_compiler.compile(pipeline_config.load(None, assignments, options), out / "taxi.py")
    return {path.name: text for path, text in texts.items()}


def values(out: Path, *assignments: str, **options: str) -> dict[str, object]:
    """Returns the values that the DAG file reads."""
    return json.loads(compiled(out, *assignments, **options)["taxi.json"])["airflow"]


def masked(text: str) -> str:
    """Replaces the paths of this machine and the hash of the code."""
    text = text.replace(sys.executable, "PYTHON").replace(str(cli.ROOT), "PROJECT")
    return re.sub(r'("code": ")[0-9a-f]{16}"', r'\1CODE"', text)


def test_the_json_equals_the_golden_file(tmp_path: Path) -> None:
    settings = ("airflow.schedule=30 4 * * *", "airflow.start=2026-01-31", "airflow.retries=3", "airflow.seconds=7200")
    text = masked(compiled(tmp_path, SPANS, *settings)["taxi.json"])
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_the_dag_file_is_an_unchanged_copy_of_airflow_dag_py(tmp_path: Path) -> None:
    assert compiled(tmp_path, SPANS, "airflow.schedule=@daily")["taxi.py"] == DAG_FILE.read_text()


def test_the_dag_file_uses_exactly_the_compiled_values(tmp_path: Path) -> None:
    """Airflow reports a wrong key only when it imports the file, or when a task fails."""
    subscripts = [node for node in ast.walk(ast.parse(DAG_FILE.read_text())) if isinstance(node, ast.Subscript)]
    keys = {node.slice.value for node in subscripts if isinstance(node.value, ast.Name) and node.value.id == "VALUES"}
    assert keys == {*airflow_compiler.DagValues.__struct_fields__} == {*values(tmp_path)}


def test_the_values_are_written_before_the_dag_file(tmp_path: Path) -> None:

    # The files are written in this order, so Airflow never finds the DAG file without its values.
    assert [*compiled(tmp_path)] == ["taxi.json", "taxi.py"]


def test_two_processes_with_other_hash_seeds_write_the_same_files(tmp_path: Path) -> None:
    texts = []
    for seed in "12":
        result = subprocess.run(
            cli.command("compile", "airflow", "--out", tmp_path / "taxi.py"),
            cwd=cli.ROOT, env=cli.environment() | {"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (result.returncode, result.stdout) == (0, f"Wrote {tmp_path}/taxi.json\nWrote {tmp_path}/taxi.py\n"), (
            result.stderr
        )
        texts.append([(tmp_path / name).read_bytes() for name in ("taxi.py", "taxi.json")])
    assert texts[0] == texts[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taxi.json", "taxi.py"]


def test_the_dag_file_is_valid_in_python_3_8() -> None:
    ast.parse(DAG_FILE.read_text(), feature_version=(3, 8))


def test_the_dag_file_imports_only_airflow_and_the_standard_library() -> None:
    imported = set()
    for node in ast.walk(ast.parse(DAG_FILE.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(str(node.module).partition(".")[0])
    assert imported - sys.stdlib_module_names == {"airflow"}


def test_importing_the_dag_file_loads_neither_tensorflow_nor_tfx_nor_this_project(tmp_path: Path) -> None:
    for name, text in compiled(tmp_path).items():
        (tmp_path / name).write_text(text)
    program = """
import importlib.util, sys, time
import airflow.models, airflow.operators.python
started = time.perf_counter()
spec = importlib.util.spec_from_file_location("taxi", sys.argv[1])
taxi = importlib.util.module_from_spec(spec)
spec.loader.exec_module(taxi)
print(f"{time.perf_counter() - started:.3f} s", file=sys.stderr)
loaded = sorted({name.partition(".")[0] for name in sys.modules})
print(loaded, taxi.dag.dag_id, len(taxi.dag.tasks), taxi.dag.catchup, taxi.dag.max_active_runs, taxi.dag.schedule_interval)
"""
    environment = cli.environment() | {"AIRFLOW_HOME": str(tmp_path / "home")}
    result = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "taxi.py"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    loaded, rest = re.findall(r"^(\[.*\]) (taxi .*)$", result.stdout, re.M)[0]
    assert not {"tensorflow", "tfx", "apache_beam", "ml_metadata", "msgspec", *PACKAGES} & set(ast.literal_eval(loaded))
    assert rest == "taxi 14 False 1 None"
    print(result.stderr.splitlines()[-1])


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("airflow.dag_id=trips.v2", "dag_id", "trips.v2"),
        ("airflow.dag_id=trips", "description", "taxi with custom_wide_deep"),
        ("airflow.schedule=@weekly", "schedule", "@weekly"),
        ("airflow.start=2025-06-01", "start", "2025-06-01"),
        ("airflow.catchup=true", "catchup", True),
        ("airflow.span_by_date=false", "span_by_date", False),
        ("airflow.retries=5", "retries", 5),
        ("airflow.retry_seconds=7", "retry_seconds", 7),
        ("airflow.seconds=90", "seconds", 90),
        ("airflow.pool=default_pool", "pool", "default_pool"),
        ("airflow.project=/opt/project", "project", "/opt/project"),
        ("airflow.python=/opt/venv/bin/python", "python", "/opt/venv/bin/python"),
        ("train.grace_seconds=40", "grace_seconds", 45),
        ("train.steps=700", "params", {"data.path": "", "data.span": "", "train.steps": "700"}),
        (SPANS, "params", {"data.path": "/data/{YYYY}-{MM}-{DD}/*.csv", "data.span": "", "train.steps": "300"}),
        (
            "tune.trials=3",
            "heavy",
            [
                node_ids.CSV_EXAMPLE_GEN,
                node_ids.STATISTICS_GEN,
                node_ids.TRANSFORM,
                node_ids.TUNER,
                node_ids.TRAINER,
                node_ids.EVALUATOR,
            ],
        ),
    ],
)
def test_a_setting_becomes_a_value_of_the_dag_file(setting: str, key: str, value: object, tmp_path: Path) -> None:
    assert values(tmp_path, setting)[key] == value


def test_a_search_runs_between_transform_and_trainer(tmp_path: Path) -> None:
    upstream = values(tmp_path, "tune.trials=3")["upstream"]
    assert (upstream[node_ids.TUNER], upstream[node_ids.TRAINER]) == ([node_ids.TRANSFORM], [node_ids.TUNER])


def test_the_default_values(tmp_path: Path) -> None:
    defaults = values(tmp_path)
    assert (defaults["schedule"], defaults["catchup"], defaults["seconds"], defaults["grace_seconds"]) == (None, False, 0, 30)
    assert (defaults["project"], defaults["python"]) == (str(cli.ROOT), sys.executable)
    assert (defaults["skipped_exit_code"], defaults["final_exit_codes"]) == (99, [2, 3])


def test_the_test_above_covers_every_key_of_the_table() -> None:
    tested = {
        s.partition("=")[0] for mark in test_a_setting_becomes_a_value_of_the_dag_file.pytestmark for s, *_ in mark.args[1]
    }
    assert {key for key, _ in reading.manual() if key.startswith("airflow.")} <= tested


def test_the_json_beside_the_dag_file_is_the_compiled_pipeline_of_the_steps(tmp_path: Path) -> None:
    text = compiled(tmp_path, SPANS, "airflow.retries=5", "train.seed=7")["taxi.json"]
    loaded = compiled_pipeline.load(text)
    assert loaded.config_for_run(("train.steps=3", "data.span=")).training.steps == 3
    assert loaded.config_for_run().training.seed == 7
    assert "airflow" not in json.loads(text)["settings"]


def test_only_edges_that_follow_from_others_are_left_out(tmp_path: Path) -> None:
    pipeline = compiled_pipeline.compile_for_steps(pipeline_config.load(None, (), {}))
    direct = graph.transitive_reduction(pipeline.upstream)

    def ancestors(node: str, upstream: dict[str, list[str]]) -> set[str]:
        return set(upstream[node]).union(*(ancestors(n, upstream) for n in upstream[node]))

    for node, upstream in direct.items():
        assert ancestors(node, direct) == ancestors(node, pipeline.upstream)
        assert not any(a in ancestors(b, direct) for a, b in itertools.permutations(upstream, 2))


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (
            ("airflow.schedule=@fortnightly",),
            "which Airflow does not know: there is no such preset. It knows cron",
        ),
        (("airflow.schedule=every day",), "does not know: Exactly 5"),
        (("airflow.schedule=61 * * * *",), "does not know: [61 * * * *] is not acceptable, out of range"),
        (("airflow.schedule=0 0 31 2 *",), "does not know: failed to find next date"),
        (("airflow.schedule=",), "does not know: Exactly 5"),
        (("airflow.start=31.1.2026",), "airflow.start is '31.1.2026', which is not a date: write YYYY-MM-DD"),
        (("airflow.dag_id=a taxi",), "letters, digits, dashes, dots and underscores"),
        (("airflow.pool=",), "not a name of a pool"),
        (("airflow.retries=-1",), "'airflow.retries'"),
        ((SPANS, "data.span=20000"), "the logical date of a run selects the span"),
        (("train.resume=false",), "every retry of the Trainer would start"),
        (("output_dir=gs://bucket/taxi",), "which cannot hold MLMD's SQLite file"),
    ],
)
def test_settings_that_airflow_cannot_use_are_refused_with_the_reason(
    settings: tuple[str, ...], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError) as raised:
        compiled(tmp_path, *settings)
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_sample_with_spans_must_be_named_in_the_settings(tmp_path: Path) -> None:
    config = msgspec.structs.replace(pipeline_config.load(None, (), {}), data_path="sample/{SPAN}.csv")
    with pytest.raises(UsageError, match=r"name it as data\.path, so that the logical date of a run selects one"):
        airflow_compiler.compile(config, tmp_path / "taxi.py")


def test_a_file_name_that_airflow_ignores_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"only files that end in \.py.*Received: 'taxi.yaml'"):
        airflow_compiler.compile(pipeline_config.load(None, (), {}), tmp_path / "taxi.yaml")


def test_a_wrong_schedule_and_a_missing_folder_are_errors_of_the_command_line(tmp_path: Path) -> None:
    for arguments, reason in (
        (("--out", tmp_path / "taxi.py", "--set", "airflow.schedule=tomorrow"), "airflow.schedule is 'tomorrow'"),
        (("--out", tmp_path / "dags" / "taxi.py"), f"The folder {tmp_path}/dags does not exist"),
    ):
        result = cli.call("compile", "airflow", *arguments)
        assert (result.code, result.out) == (2, "")
        assert result.err.count("\n") == 1 and reason in result.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "schedule", [*airflow_compiler.PRESETS, "0 0 * * *", "*/5 9-17 l * fri-mon", "0 6 1,15 jan-jun ?", "0 0 * * 5#3,l1"]
)
def test_every_form_of_schedule_that_airflow_knows_is_accepted(schedule: str, tmp_path: Path) -> None:
    assert values(tmp_path, f"airflow.schedule={schedule}")["schedule"] == schedule


def test_the_presets_are_those_of_airflow(tmp_path: Path) -> None:
    program = "from airflow.utils.dates import cron_presets; print(sorted(cron_presets))"
    environment = cli.environment() | {"AIRFLOW_HOME": str(tmp_path)}
    result = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert ast.literal_eval(result.stdout.splitlines()[-1]) == sorted({*airflow_compiler.PRESETS} - {"@once", "@continuous"})
