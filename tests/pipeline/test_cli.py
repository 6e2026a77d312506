"""The command line: its options become a configuration, and its exit codes. (Whole commands: tests/e2e.)"""

from __future__ import annotations

import io
import logging
import os
from pathlib import Path

import pytest

from data import discovery
from pipeline import cli, errors, node_ids
from pipeline.commands import run as run_command
from pipeline.commands import schema_accept, tensorboard
from pipeline.orchestrators import compilation, compiled_pipeline, end_of_run, step
from pipeline.terminal import logs
from pipeline.terminal.logs import Screen
from trainer_module.supervision import heartbeat


class Exited(BaseException):
    """Is raised instead of ending this process."""


@pytest.fixture
def call(monkeypatch):
    """Returns a function: arguments -> exit code of `python -m pipeline`, in this process."""

    def raise_exited(code: int) -> None:
        raise Exited(code)

    monkeypatch.setattr(os, "_exit", raise_exited)
    monkeypatch.setattr(logging, "shutdown", lambda: None)  # this process continues
    monkeypatch.setenv(errors.DEBUG, "")
    monkeypatch.setattr(logs, "to_stderr", lambda: None)
    monkeypatch.setattr(logs, "redirect_to_file", lambda log: Screen(io.StringIO(), io.StringIO()))

    def main(*arguments: str) -> int:
        with pytest.raises(Exited) as exited:
            cli.main([str(argument) for argument in arguments])
        return exited.value.args[0]

    return main


@pytest.fixture
def runs(monkeypatch):
    """The calls of `run`: (configuration, runner, range of nodes) for each."""
    calls = []

    def run(config, run_id, runner, node_range, screen) -> int:
        calls.append((config, runner, node_range))
        return 3

    monkeypatch.setattr(run_command, "run", run)
    return calls


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), {"dataset_name": "taxi", "model_name": "custom_wide_deep", "output_dir": str(Path("outputs/taxi").absolute())}),
        (("--dataset", "housing"), {"dataset_name": "housing"}),
        (("--model", "keras_wide_deep"), {"model_name": "keras_wide_deep"}),
        (("--output-dir", "/tmp/here"), {"output_dir": "/tmp/here"}),
        (("--data", "/data/trips.csv"), {"data_path": "/data/trips.csv"}),
        (("--no-cache",), {"use_cache": False}),
        ((), {"use_cache": True}),
    ],
)
def test_an_option_of_run_is_a_value_of_the_configuration(call, runs, arguments, expected):
    assert call("run", *arguments) == 3
    [(config, runner, node_range)] = runs
    assert {name: getattr(config, name) for name in expected} == expected
    assert (runner, node_range) == ("local", run_command.NodeRange())


def test_an_option_overrides_an_assignment_and_an_assignment_overrides_the_file(call, runs, tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text('[train]\nsteps = 1\nbatch_size = 2\n[tune]\ntrials = 3\n[data]\npath = "/a.csv"\n')
    call("run", "--config", file, "--set", "train.batch_size=20", "--set", "tune.trials=30", "--tune", "300")
    settings = runs[0][0].settings
    assert (settings.train.steps, settings.train.batch_size, settings.tune.trials) == (1, 20, 300)
    assert settings.data.path == "/a.csv"


@pytest.mark.parametrize(
    ("arguments", "resume"),
    [((), True), (("--resume",), True), (("--no-resume",), False), (("--set", "train.resume=false"), False)],
)
def test_a_training_is_resumed_unless_the_command_line_says_no(call, runs, arguments, resume):
    call("run", *arguments)
    assert runs[0][0].settings.train.resume is resume


def test_run_takes_a_runner_and_a_range_of_nodes(call, runs):
    call("run", "--runner", "beam", "--from", node_ids.TRAINER, "--to", node_ids.EVALUATOR)
    assert runs[0][1:] == ("beam", run_command.NodeRange(node_ids.TRAINER, node_ids.EVALUATOR))


def test_debug_is_set_in_the_environment_for_all_processes_of_the_run(call, runs):
    call("run")
    assert not os.environ[errors.DEBUG]
    call("run", "--debug")
    assert os.environ[errors.DEBUG] == "1"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("run", "--set", "train.step=5"), "Did you mean 'train.steps'"),
        (("run", "--dataset", "taxy"), "taxi"),
        (("run", "--runner", "spark"), "'spark' is not one of 'local', 'beam'"),
        (("run", "--output-dir", "gs://bucket/taxi"), "output_dir is gs://bucket/taxi, but `run` keeps its record"),
        (("run", "--tune", "-1"), "-1"),
        (("run", "--config", "nowhere.toml"), "nowhere.toml"),
        (("compile", "spark", "--out", "x"), "'spark' is not one of 'kubeflow', 'kubeflow_v2', 'airflow'"),
        (("compile", "airflow"), "Missing option '--out'"),
        (("step", "--node", node_ids.TRAINER, "--run-id", "1"), "Missing option '--pipeline'"),
        (("step", "--pipeline", "nowhere.json", "--node", node_ids.TRAINER, "--run-id", "1"), "nowhere.json cannot be read"),
        (("end", "--pipeline", "{}", "--run-id", "1"), "--pipeline is not a compiled pipeline"),
        (("tensorboard", "--port", "70000"), "70000"),
        (("serve-it",), "No such command 'serve-it'"),
    ],
)
def test_wrong_usage_exits_with_2_and_names_the_mistake(call, capsys, arguments, text):
    assert call(*arguments) == errors.USAGE
    assert text in capsys.readouterr().err


def test_an_output_folder_that_cannot_be_written_exits_with_2(call, capsys, monkeypatch, tmp_path):
    def redirect(log):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(logs, "redirect_to_file", redirect)
    assert call("run", "--output-dir", tmp_path) == errors.USAGE
    assert capsys.readouterr().err == (
        f"The output folder {tmp_path} cannot be written: Permission denied. Choose another one with --output-dir.\n"
    )


@pytest.fixture
def module_with_former_name(tmp_path, monkeypatch):
    """The dotted path of a file of a dataset or model that was written for version 0.1."""
    package = tmp_path / f"company_{tmp_path.name}"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "former.py").write_text("from data import Label\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return f"{package.name}.former"


@pytest.mark.parametrize("option", ["--dataset", "--model"])
def test_a_file_with_a_former_name_is_not_compiled(call, capsys, module_with_former_name, tmp_path, option):
    assert call("compile", "airflow", "--out", tmp_path / "dag.py", option, module_with_former_name) == errors.USAGE
    assert "former.py, line 1: `Label` is now called `BinaryLabel`" in capsys.readouterr().err
    assert not (tmp_path / "dag.py").exists()


def test_list_prints_everything_and_then_names_the_dataset_file_with_a_former_name(
    call, capsys, module_with_former_name, monkeypatch
):
    names = discovery.names
    monkeypatch.setattr(
        discovery, "names", lambda package: [module_with_former_name] if package == discovery.DATASETS else names(package)
    )
    assert call("list") == errors.USAGE
    shown = capsys.readouterr()
    assert f"  {module_with_former_name}" in shown.out
    assert "custom_wide_deep" in shown.out and "train.steps" in shown.out
    assert "former.py, line 1: `Label` is now called `BinaryLabel`" in shown.err


@pytest.fixture
def steps(monkeypatch):
    """Replaces `step` and `end`. Returns (their calls, a function that sets their exit code)."""
    calls, codes = [], {"code": 0}
    monkeypatch.setattr(compiled_pipeline, "load", lambda text: f"loaded {text}")
    monkeypatch.setattr(step, "run", lambda *args: calls.append(args) or codes["code"])
    monkeypatch.setattr(end_of_run, "end", lambda *args: calls.append(args) or codes["code"])
    return calls, lambda code: codes.update(code=code)


STEP = ("step", "--pipeline", "taxi.json", "--node", node_ids.TRAINER, "--run-id", "1")
END = ("end", "--pipeline", "taxi.json", "--run-id", "1")


def test_a_step_runs_one_node_with_the_settings_of_its_run(call, steps):
    calls, _ = steps
    assert call(*STEP, "--set", "data.span=5", "--set", "train.steps=") == 0
    assert calls == [("loaded taxi.json", node_ids.TRAINER, "1", ("data.span=5", "train.steps="))]


@pytest.mark.parametrize(
    ("command", "options", "code", "exit_code"),
    [
        (STEP, (), 0, 0),
        (STEP, (), 1, 1),
        (STEP, (), errors.SKIPPED, 0),
        (STEP, ("--skipped-exit-code", "77"), errors.SKIPPED, 77),
        (STEP, ("--skipped-exit-code", "77"), 3, 3),
        (END, (), 0, 0),
        (END, (), errors.REFUSED, 3),
        (END, ("--refused-exit-code", "0"), errors.REFUSED, 0),
        (END, ("--refused-exit-code", "0"), 1, 1),
    ],
)
def test_an_orchestrator_can_set_the_exit_codes_of_a_skipped_step_and_a_refusal(call, steps, command, options, code, exit_code):
    steps[1](code)
    assert call(*command, *options) == exit_code


def test_a_step_ends_with_its_parent_before_it_loads_anything(call, steps, monkeypatch):
    calls, _ = steps
    monkeypatch.setattr(heartbeat, "end_with", lambda pid: calls.append(pid))
    call(*STEP, "--parent", "4711")
    call(*STEP)
    assert [calls[0], len(calls)] == [4711, 3]


def test_compile_prints_the_files_that_it_wrote(call, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(compilation, "write", lambda runner, config, out: [out, out.with_suffix(".json")])
    assert call("compile", "airflow", "--out", tmp_path / "taxi.py") == 0
    assert capsys.readouterr().out == f"Wrote {tmp_path}/taxi.py\nWrote {tmp_path}/taxi.json\n"


@pytest.mark.parametrize(("options", "confirmed"), [(("--yes",), True), ((), False)])
def test_schema_accept_asks_unless_yes_is_given(call, monkeypatch, options, confirmed):
    answers = []
    monkeypatch.setattr(schema_accept, "accept", lambda config, confirm: answers.append(confirm()) or 0)
    monkeypatch.setattr(cli.click, "confirm", lambda question: False)
    assert call("schema", "accept", "--dataset", "housing", *options) == 0
    assert answers == [confirmed]


def test_tensorboard_shows_the_output_folder_on_a_port(call, monkeypatch):
    calls = []
    monkeypatch.setattr(tensorboard, "serve", lambda config, port, say: calls.append((config.output_dir, port)))
    assert call("tensorboard", "--output-dir", "/tmp/here", "--port", "0") == 0
    assert calls == [("/tmp/here", 0)]


def test_list_prints_every_choice(call, capsys):
    assert call("list") == 0
    lines = capsys.readouterr().out.splitlines()
    titles = [line for line in lines if not line.startswith(" ")]
    assert titles == [
        "Datasets (--dataset)", "Models (--model)", "Runners (--runner)", "Orchestrators (compile)",
        "Engines (--set run.engine=...)", "Settings (--set KEY=VALUE, or a TOML file)",
    ]  # fmt: skip
    words = [line.split()[0].rstrip(",") for line in lines if line.startswith(" ")]
    assert {"taxi", "housing", "co2", "reviews", "custom_wide_deep", "local", "kubeflow", "train.steps"} <= set(words)
