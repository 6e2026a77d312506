"""A compiled PipelineSpec runs to a pushed model, a second run compares with it, and a refused model is not pushed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline import node_ids
from tests.orchestrators.kubeflow_v2 import interpreter
from tests.orchestrators.kubeflow_v2.store import Store
from tests.support import cli
from tests.support.warm import WARM
from trainer_module.entry import TRAINED_FILE

pytestmark = pytest.mark.e2e

QUICK = ("--dataset", "toy.fruit", "--set", "train.steps=60", "--set", "train.batch_size=50")


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    """A folder that stands in for a cluster's volume."""
    return tmp_path_factory.mktemp("volume")


@pytest.fixture
def compiled(volume, toy, tmp_path):
    """Returns a function: command-line arguments -> Interpreter of the compiled pipeline. `run_module`: see Interpreter."""

    def compile_(*arguments, run_module=WARM.run):
        out = tmp_path / "pipeline.yaml"
        done = cli.call(
            "compile", "kubeflow_v2", "--out", out, *QUICK, "--set", "kubeflow.image=registry/estimator-pipeline:1",
            "--set", "kubeflow.volume.claim=outputs", "--set", f"kubeflow.volume.path={volume}", *arguments, path=toy,
        )  # fmt: skip
        assert done.code == 0, done.err
        spec, _ = interpreter.load(out)
        store = Store(volume / "artifacts.json")
        return interpreter.Interpreter(spec, volume / "runs", store, cli.environment(toy), cli.ROOT, run_module)

    return compile_


def test_a_first_run_pushes_and_the_second_competes_with_it(compiled, volume, toy):
    first = compiled(run_module=cli.run_in_new_process).run("first", train_steps="80")
    assert set(first.states.values()) == {"succeeded"}, _log(first)
    output = volume / "toy.fruit"
    assert len(cli.served_versions(output)) == 1
    trained = _file(volume, "first", *node_ids.MODEL_RUN, TRAINED_FILE)
    assert trained["steps"] == 80, "the run's parameter, not the compiled value"
    assert _decision(volume, "first", *node_ids.BLESSING)["decision"] == "passed"

    second = compiled().run("second", train_steps="90")
    decision = _decision(volume, "second", *node_ids.BLESSING)
    assert "the latest blessed model" in decision["why"], decision
    assert decision["decision"] in ("passed", "refused")
    assert second.states[node_ids.PUSHER] == ("succeeded" if decision["decision"] == "passed" else "skipped")


def test_a_refused_model_ends_the_run_with_the_reason_in_the_log(compiled, volume):
    served = cli.served_versions(volume / "toy.fruit")
    refused = compiled("--model", "toy.constant").run("constant")
    assert "failed" not in refused.states.values(), _log(refused)
    assert refused.states[node_ids.PUSHER] == "skipped"
    assert "Refused. The model is not good enough" in refused.logs[node_ids.EVALUATOR].read_text()
    assert cli.served_versions(volume / "toy.fruit") == served


def test_a_step_refuses_other_code_than_it_was_compiled_from(compiled, volume, tmp_path):
    pipeline = compiled()
    container = pipeline.spec["deploymentSpec"]["executors"][f"{node_ids.SCHEMA_GEN}_executor"]["container"]
    container["args"] = [word.replace('"code":"', '"code":"other') for word in container["args"]]
    run = pipeline.run("other-code")
    assert run.states[node_ids.SCHEMA_GEN] == "failed"
    assert "differs from the code that this pipeline was compiled from" in run.logs[node_ids.SCHEMA_GEN].read_text()
    assert "Traceback" not in run.logs[node_ids.SCHEMA_GEN].read_text()


def _file(volume: Path, run: str, task: str, key: str, name: str):
    """Returns the content of a JSON file in an output artifact of a task."""
    return json.loads(next((volume / "runs" / run / task / key).rglob(name)).read_text())


def _decision(volume: Path, run: str, task: str, key: str):
    return _file(volume, run, task, key, "decision.json")


def _log(run: interpreter.Run) -> str:
    failed = [name for name, state in run.states.items() if state == "failed"]
    return "\n".join(f"{name}:\n{run.logs[name].read_text()[-3000:]}" for name in failed)
