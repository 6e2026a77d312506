"""The JSON that the steps of an orchestrator read: its content, the settings that a run changes, and the errors."""

import json

import msgspec
import pytest

from pipeline import node_ids
from pipeline.config import pipeline_config
from pipeline.errors import UsageError
from pipeline.orchestrators import compiled_pipeline
from pipeline.orchestrators.compiled_pipeline import CompiledPipeline


@pytest.fixture
def compiled(tmp_path):
    settings = {"output_dir": str(tmp_path), "train": {"steps": 7}}
    return CompiledPipeline(
        name="taxi", code="0" * 16, settings=settings, upstream={node_ids.CSV_EXAMPLE_GEN: []}, secrets={"TOKEN": "login"}
    )


def test_a_compiled_pipeline_is_read_from_text_and_from_a_file(compiled, tmp_path):
    file = tmp_path / "taxi.json"
    file.write_text(compiled.to_json())
    assert compiled_pipeline.load(compiled.to_json()) == compiled_pipeline.load(str(file)) == compiled


def test_a_step_ignores_keys_that_a_compiler_adds(compiled):
    assert compiled_pipeline.load(json.dumps(json.loads(compiled.to_json()) | {"airflow": {"dag_id": "taxi"}})) == compiled


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("/nowhere/taxi.json", r"/nowhere/taxi\.json cannot be read: No such file or directory\. Compile it again"),
        ("{", "--pipeline is not a compiled pipeline"),
        ('{"name": "taxi"}', "--pipeline is not a compiled pipeline: .*missing required field"),
        ('{"name": "", "code": "", "settings": {}, "needs": {}, "schema_version": 9}', "has version 9; this is 1"),
    ],
)
def test_a_text_that_is_not_a_compiled_pipeline_is_refused(text, reason):
    with pytest.raises(UsageError, match=reason):
        compiled_pipeline.load(text)


def test_a_run_changes_settings_and_an_empty_value_keeps_the_compiled_one(compiled):
    assert compiled.config_for_run(["train.steps=9"]).training.steps == 9
    assert compiled.config_for_run(["train.steps="]).training.steps == 7
    with pytest.raises(UsageError, match=r"train\.steps.*Received: 'many'"):
        compiled.config_for_run(["train.steps=many"])


def test_a_compiled_pipeline_has_only_changed_settings_and_absolute_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = pipeline_config.load(None, ("train.seed=5", "kubeflow.image=team/pipeline", "data.path=d/{SPAN}.csv"), {})
    assert compiled_pipeline.compile_for_steps(config).settings == {
        "train": {"seed": 5}, "data": {"path": f"{tmp_path}/d/{{SPAN}}.csv"}, "output_dir": f"{tmp_path}/outputs/taxi",
    }  # fmt: skip


def test_the_errors_for_other_code_and_a_missing_secret_name_the_fix(compiled):
    with pytest.raises(UsageError, match=r"this pipeline was compiled from \(0000000000000000\).*Compile the pipeline again"):
        compiled_pipeline.check_code(compiled, compiled.config_for_run())
    with pytest.raises(UsageError, match=r"TOKEN is not set: there is no Secret 'login'"):
        compiled_pipeline.check_secrets(compiled, {})
    compiled_pipeline.check_secrets(compiled, {"TOKEN": ""})
    compiled_pipeline.check_secrets(msgspec.structs.replace(compiled, secrets={}), {})
