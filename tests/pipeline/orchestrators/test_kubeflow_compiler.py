"""`compile kubeflow`: the effect of every setting, the errors, and a deterministic file.

To update golden/kubeflow.yaml after an intended change: UPDATE_GOLDEN=1 make test ARGS="-k kubeflow_compiler", then read the
difference.
"""

import importlib.util
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from pipeline import node_ids
from pipeline.config import pipeline_config
from pipeline.errors import USAGE, PipelineError, UsageError
from pipeline.orchestrators import compilation, compiled_pipeline, kubeflow_compiler, run_parameters
from tests.support import cli
from tests.support.dags import NODES

GOLDEN = Path(__file__).parent / "golden" / "kubeflow.yaml"
IMAGE, CLAIM = "kubeflow.image=registry.example:5000/team/estimator-pipeline:1.0", "kubeflow.volume.claim=pipeline"
SETS = [
    "--set", "data.path={{inputs.parameters.data_path}}", "--set", "data.span={{inputs.parameters.data_span}}",
    "--set", "train.steps={{inputs.parameters.train_steps}}",
]  # fmt: skip

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")


@pytest.fixture
def compiled(tmp_path):
    """Returns a function: (assignments, text of a TOML file) -> the workflow."""

    def call(*assignments, text=""):
        file = tmp_path / "settings.toml"
        file.write_text(text)
        config = pipeline_config.load(file, (IMAGE, CLAIM, *assignments), {})
        [text] = kubeflow_compiler.compile(config, tmp_path / "workflow.yaml").values()
        return yaml.safe_load(text)

    return call


def template(workflow, node):
    """The template of the step of a node."""
    return next(t for t in workflow["spec"]["templates"] if t["name"] == node.lower())


def steps(workflow):
    return [t for t in workflow["spec"]["templates"] if "container" in t]


def compiled_pipeline_of(workflow):
    """The compiled pipeline that all steps of the workflow get."""
    [text] = {argument(t, "--pipeline") for t in steps(workflow)}
    return compiled_pipeline.load(text)


def argument(step, option):
    args = step["container"]["args"]
    return args[args.index(option) + 1]


def masked(text):
    return re.sub(r'"code":"[0-9a-f]{16}"', '"code":"(hash of the code)"', text)


# The file.


def test_two_processes_write_the_same_file_and_print_only_its_name(tmp_path):
    command = cli.command("compile", "kubeflow", "--set", IMAGE, "--set", CLAIM, "--out")
    env = {k: v for k, v in cli.environment(cli.ROOT).items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    processes = [
        subprocess.Popen(
            [*command, f"{seed}.yaml"], cwd=tmp_path, env=env | {"PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for seed in ("1", "2")
    ]  # fmt: skip
    for seed, process in zip(("1", "2"), processes, strict=True):
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out, err) == (0, f"Wrote {tmp_path}/{seed}.yaml\n", "")
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["1.yaml", "2.yaml"]
    text = (tmp_path / "1.yaml").read_text()
    assert text == (tmp_path / "2.yaml").read_text()
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(masked(text))
    assert masked(text) == GOLDEN.read_text()


def test_steps_wait_for_their_upstream_steps(compiled):
    workflow = compiled()
    assert [t["name"] for t in steps(workflow)] == sorted(["end", *(node.lower() for node in NODES)])
    dag = next(t for t in workflow["spec"]["templates"] if t["name"] == workflow["spec"]["entrypoint"])["dag"]
    nodes = compiled_pipeline_of(workflow).upstream.items()
    upstream = {node.lower(): sorted(n.lower() for n in upstream_nodes) for node, upstream_nodes in nodes}
    assert {task["name"]: task.get("dependencies", []) for task in dag["tasks"]} == upstream
    assert upstream["evaluator"] == ["championgate", "csvexamplegen", "datagate", "latestblessedmodel", "schemagen", "trainer"]


def test_a_step_runs_a_node_with_the_name_of_the_workflow_as_run_id(compiled):
    step = template(compiled(), node_ids.TRAINER)
    assert step["container"]["command"] == ["python", "-m", "pipeline"]
    assert step["container"]["args"][:3] == ["step", "--node", node_ids.TRAINER]
    assert step["container"]["args"][5:] == ["--run-id", "{{workflow.name}}", *SETS]
    assert step["metadata"]["annotations"]["pipelines.kubeflow.org/max_cache_staleness"] == "P0D"


def test_the_end_step_always_completes_the_record_and_a_refusal_succeeds(compiled):
    workflow = compiled("kubeflow.steps.Trainer.gpu=1")
    assert workflow["spec"]["onExit"] == "end"
    end = template(workflow, "end")
    assert end["container"]["args"][:3] == ["end", "--refused-exit-code", "0"]
    assert end["container"]["args"][5:] == ["--run-id", "{{workflow.name}}", *SETS]
    assert "retryStrategy" not in end and "resources" not in end["container"]
    assert {key: end["container"][key] for key in ("image", "volumeMounts", "envFrom")} == {
        key: template(workflow, node_ids.PUSHER)["container"][key] for key in ("image", "volumeMounts", "envFrom")
    }


# Parameters of a run.


def parameters(workflow):
    return {p["name"]: p["value"] for p in workflow["spec"]["arguments"]["parameters"]}


def test_the_parameters_of_a_run_are_those_of_every_orchestrator(compiled):
    defaults = run_parameters.defaults(pipeline_config.load(None, [], {}))
    assert list(defaults) == [parameter.setting for parameter in run_parameters.RUN_PARAMETERS]
    assert sorted(parameters(compiled())) == sorted(parameter.name for parameter in run_parameters.RUN_PARAMETERS)


def test_the_defaults_of_parameters_are_the_compiled_settings(compiled):
    assert parameters(compiled()) == {"data_path": "", "data_span": "", "train_steps": "300"}
    workflow = compiled("train.steps=70", "data.path=gs://bucket/taxi/{SPAN}/*.csv", "data.span=4")
    assert parameters(workflow) == {"data_path": "gs://bucket/taxi/{SPAN}/*.csv", "data_span": "4", "train_steps": "70"}


def test_a_parameter_of_a_run_overrides_the_compiled_setting_unless_it_is_empty(compiled):
    compiled_with = compiled_pipeline_of(compiled("train.steps=70"))
    config = compiled_with.config_for_run(["data.path=s3://bucket/{SPAN}", "data.span=5", "train.steps=80"])
    assert (config.data_path, config.settings.data.span, config.training.steps) == ("s3://bucket/{SPAN}", 5, 80)
    config = compiled_with.config_for_run(["data.path=", "data.span=", "train.steps="])
    assert (config.settings.data.path, config.settings.data.span, config.training.steps) == (None, None, 70)
    with pytest.raises(UsageError, match=r"train.steps.*Received: 'many'"):
        compiled_with.config_for_run(["train.steps=many"])


def test_the_data_may_be_on_the_volume_that_only_pods_see(compiled):
    assert parameters(compiled("data.path=/mnt/pipeline/taxi.csv"))["data_path"] == "/mnt/pipeline/taxi.csv"


# Settings.


def test_every_step_runs_in_the_image(compiled):
    assert {t["container"]["image"] for t in steps(compiled())} == {"registry.example:5000/team/estimator-pipeline:1.0"}


def test_resources_can_be_set_for_all_steps_and_for_one(compiled):
    workflow = compiled(
        "kubeflow.all.cpu=500m", "kubeflow.all.memory=4Gi", "kubeflow.steps.Trainer.cpu=4", "kubeflow.steps.Trainer.gpu=2",
        "kubeflow.steps.Tuner.gpu=1", "kubeflow.steps.Tuner.gpu_type=amd.com/gpu", "tune.trials=1",
    )  # fmt: skip
    small = {"cpu": "500m", "memory": "4Gi"}
    assert template(workflow, node_ids.EVALUATOR)["container"]["resources"] == {"requests": small, "limits": small}
    assert template(workflow, node_ids.TRAINER)["container"]["resources"] == {
        "requests": {"cpu": "4", "memory": "4Gi"}, "limits": {"cpu": "4", "memory": "4Gi", "nvidia.com/gpu": "2"},
    }  # fmt: skip
    assert template(workflow, node_ids.TUNER)["container"]["resources"]["limits"]["amd.com/gpu"] == "1"
    assert "resources" not in template(compiled(), node_ids.TRAINER)["container"]


def test_a_step_is_retried_except_after_wrong_settings_or_data(compiled):
    workflow = compiled("kubeflow.backoff_seconds=7", "kubeflow.steps.Trainer.retries=5", "kubeflow.steps.SchemaGen.retries=0")
    assert template(workflow, node_ids.TRAINER)["retryStrategy"] == {
        "limit": 5, "retryPolicy": "Always", "backoff": {"duration": "7s", "factor": 2},
        "expression": f"lastRetry.exitCode != '{USAGE}'",
    }  # fmt: skip
    assert template(workflow, node_ids.TRANSFORM)["retryStrategy"]["limit"] == 2
    assert template(compiled("kubeflow.all.cpu=1"), node_ids.TRANSFORM)["retryStrategy"]["limit"] == 2
    assert "retryStrategy" not in template(workflow, node_ids.SCHEMA_GEN)


def test_a_time_limit_can_be_set_for_all_steps_and_removed_for_one(compiled):
    workflow = compiled("kubeflow.all.seconds=600", "kubeflow.steps.Trainer.seconds=0")
    assert template(workflow, node_ids.TRANSFORM)["activeDeadlineSeconds"] == 600
    assert "activeDeadlineSeconds" not in template(workflow, node_ids.TRAINER)


def test_a_terminated_step_has_the_grace_period_to_save(compiled):
    workflow = compiled("train.grace_seconds=90")
    assert template(workflow, node_ids.TRAINER)["podSpecPatch"] == '{"terminationGracePeriodSeconds":95}'
    assert "podSpecPatch" not in template(compiled(), node_ids.TRAINER), "the default of Kubernetes, 30 s, is enough"


def test_node_selectors_and_tolerations_of_a_step_replace_those_of_all(compiled):
    workflow = compiled(
        text="""
        [kubeflow.all]
        node_selector = { "example.com/pool" = "cpu" }
        [kubeflow.steps.Trainer]
        node_selector = { "example.com/pool" = "gpu" }
        tolerations = [{ key = "nvidia.com/gpu", operator = "Exists", effect = "NoSchedule" }]
        """
    )
    assert template(workflow, node_ids.TRAINER)["nodeSelector"] == {"example.com/pool": "gpu"}
    assert template(workflow, node_ids.TRAINER)["tolerations"] == [
        {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
    ]
    assert template(workflow, node_ids.PUSHER)["nodeSelector"] == {"example.com/pool": "cpu"}
    assert "tolerations" not in template(workflow, node_ids.PUSHER)


def test_secrets_and_config_maps_become_environment_variables(compiled):
    workflow = compiled(text='[kubeflow]\nsecrets = ["database/URI", "login/TOKEN"]\nconfig_maps = ["places"]')
    env = template(workflow, node_ids.PUSHER)["container"]["env"]
    for name, key in (("database", "URI"), ("login", "TOKEN")):  # optional, because the step itself reports what is missing
        assert {"name": key, "valueFrom": {"secretKeyRef": {"name": name, "key": key, "optional": True}}} in env
    assert compiled_pipeline_of(workflow).secrets == {"URI": "database", "TOKEN": "login"}
    assert template(workflow, node_ids.PUSHER)["container"]["envFrom"] == [
        {"configMapRef": {"name": "places", "optional": True}}
    ]
    assert template(compiled(), node_ids.PUSHER)["container"]["envFrom"] == [
        {"configMapRef": {"name": "metadata-grpc-configmap", "optional": True}}
    ]


def test_the_output_is_on_the_volume(compiled):
    workflow = compiled("kubeflow.volume.path=/data", "kubeflow.volume.group=7", "kubeflow.service_account=trainer")
    assert template(workflow, node_ids.PUSHER)["volumes"] == [
        {"name": "pipeline", "persistentVolumeClaim": {"claimName": "pipeline"}}
    ]
    assert template(workflow, node_ids.PUSHER)["container"]["volumeMounts"] == [{"name": "pipeline", "mountPath": "/data"}]
    assert compiled_pipeline_of(workflow).config_for_run().output_dir == "/data/taxi"
    assert workflow["spec"]["securityContext"] == {"fsGroup": 7}
    assert workflow["spec"]["serviceAccountName"] == "trainer"


def test_the_output_may_be_in_object_storage_without_a_volume(tmp_path):
    config = pipeline_config.load(None, (IMAGE, "output_dir=gs://bucket/taxi"), {})
    [text] = kubeflow_compiler.compile(config, tmp_path / "w.yaml").values()
    workflow = yaml.safe_load(text)
    assert compiled_pipeline_of(workflow).config_for_run().output_dir == "gs://bucket/taxi"
    assert not {"volumes", "securityContext"} & {*workflow["spec"], *template(workflow, node_ids.PUSHER)}


@pytest.mark.parametrize(
    ("assignments", "uri"),
    [
        ((), "grpc://$METADATA_GRPC_SERVICE_HOST:$METADATA_GRPC_SERVICE_PORT"),
        (("metadata.uri=mysql://mysql.kubeflow:3306/mlmd",), "mysql://mysql.kubeflow:3306/mlmd"),
    ],
)
def test_metadata_is_on_a_server(compiled, assignments, uri):
    assert compiled_pipeline_of(compiled(*assignments)).config_for_run().metadata_uri == uri


# Refusals.


@pytest.mark.parametrize(
    ("assignments", "text", "reason"),
    [
        (["kubeflow.image="], "", r"Steps need an image .* build one from the Dockerfile"),
        (["kubeflow.image=Registry/Pipeline"], "", r"kubeflow.image is 'Registry/Pipeline', not a valid name of an image"),
        (["kubeflow.image=registry/pipeline:"], "", r"valid name of an image: REGISTRY/NAME:TAG"),
        (["kubeflow.steps.Trainr.cpu=2"], "", r"There is no node 'Trainr'. The nodes are: .*Trainer"),
        (["output_dir=/home/me/taxi"], "", r"output_dir is /home/me/taxi, which pods do not see. Put it on the volume"),
        (["data.path=/home/me/taxi.csv"], "", r"data.path is /home/me/taxi.csv, which pods do not see"),
        (["data.path=/mnt/pipeline/{DAY}.csv"], "", r"braces may hold SPAN, VERSION, YYYY, MM or DD"),
        (["train.checkpoints=/home/me/taxi"], "", r"train.checkpoints is /home/me/taxi, which pods do not see"),
        (["metadata.uri=sqlite:////mnt/pipeline/m.sqlite"], "", r"which pods on several machines cannot share. Use grpc://"),
        (["train.resume=false"], "", r"train.resume=false cannot be compiled: every retry of the Trainer would start"),
        (["kubeflow.all.cpu=many"], "", r"kubeflow.all.cpu is 'many', not a valid number of processors, such as 2"),
        (["kubeflow.steps.Trainer.memory=4 GB"], "", r"kubeflow.steps.Trainer.memory is '4 GB', not a valid amount of memory"),
        (["kubeflow.volume.path=data"], "", r"kubeflow.volume.path is 'data', not a valid path to mount a volume at"),
        (["kubeflow.volume.claim=My_Claim"], "", r"kubeflow.volume.claim is 'My_Claim', not a valid name in Kubernetes"),
        (["kubeflow.all.gpu=-1"], "", r"kubeflow.all.gpu"),
        ([], '[kubeflow.steps.Trainer]\nseconds = "x"', r"'kubeflow.steps.Trainer.seconds': expected int, got str"),
        ([], "[kubeflow.all]\ntolerations = [{ key = 1 }]", r"'kubeflow.all.tolerations.0.key': expected str, got int"),
        ([], '[kubeflow]\nsecrets = ["login/a-token"]', r"is 'a-token', not a valid name of an environment variable"),
        ([], '[kubeflow]\nsecrets = ["a b/KEY"]', r"kubeflow.secrets is 'a b', not a valid name in Kubernetes"),
        ([], '[kubeflow]\nsecrets = ["login"]', r"is 'login': write NAME/KEY for each key.*'login/METADATA_PASSWORD'"),
        (["kubeflow.all.gpu_type=a b"], "", r"kubeflow.all.gpu_type is 'a b', not a valid kind of GPU"),
        ([], '[kubeflow.all]\nnode_selector = { pool = "a b" }', r"kubeflow.all.node_selector.pool is 'a b', not a valid"),
        ([], '[kubeflow.all]\ntolerations = [{ kye = "a" }]', r"a toleration has no 'kye'. It has: key, operator, value"),
        ([], '[kubeflow.all]\ntolerations = [{ key = "a", effect = "Never" }]', r"effect: NoSchedule, PreferNoSchedule or"),
        ([], '[kubeflow.all]\ntolerations = [{ value = "a" }]', r"a toleration must have a key and a value, or the operator"),
    ],
)  # fmt: skip
def test_settings_that_kubeflow_cannot_use_are_refused_in_one_paragraph(compiled, assignments, text, reason):
    with pytest.raises(PipelineError, match=reason) as raised:
        compiled(*assignments, text=text)
    assert "\n" not in str(raised.value) and raised.value.exit_code == USAGE


def test_without_a_volume_the_output_must_be_object_storage(tmp_path):
    with pytest.raises(
        UsageError, match=r"output_dir is .*outputs/taxi, which pods do not see.*kubeflow.volume.claim=NAME.*gs://"
    ):
        kubeflow_compiler.compile(pipeline_config.load(None, (IMAGE,), {}), tmp_path / "w.yaml")


def test_the_error_for_a_missing_folder_says_to_create_it(tmp_path):
    with pytest.raises(
        UsageError, match=rf"The folder {tmp_path}/no does not exist, so w.yaml cannot be written. Create it first"
    ):
        list(compilation.write("kubeflow", pipeline_config.load(None, (), {}), tmp_path / "no" / "w.yaml"))


def test_the_error_for_a_file_that_cannot_be_written_suggests_another(tmp_path):
    config = pipeline_config.load(None, (IMAGE, CLAIM), {})
    with pytest.raises(UsageError, match=r"cannot be written: Is a directory. Choose another file with --out"):
        list(compilation.write("kubeflow", config, tmp_path))
    assert not list(tmp_path.parent.glob(f".{tmp_path.name}*"))


def test_the_error_for_a_missing_package_says_how_to_install_it(tmp_path, monkeypatch):
    config = pipeline_config.load(None, (), {})
    (tmp_path / "kfp" / "pipeline_spec").mkdir(
        parents=True
    )  # `make run` installs only this folder of kfp, with another package
    find = importlib.machinery.PathFinder.find_spec
    for path in ([], [str(tmp_path)]):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, path=path: find(name, path))
        with pytest.raises(UsageError, match=r"needs the package kfp, which is not installed here.*make \.venv/\.dev"):
            list(compilation.write("kubeflow", config, tmp_path / "w.yaml"))


def test_a_step_with_other_code_is_refused_and_runs_nothing(compiled, tmp_path):
    compiled_before = compiled_pipeline_of(compiled(f"kubeflow.volume.path={tmp_path}/volume"))
    text = compiled_before.to_json().replace(compiled_before.code, "0" * 16)
    result = cli.call("step", "--pipeline", text, "--node", node_ids.SCHEMA_GEN, "--run-id", "one")
    assert result.code == USAGE
    [line] = result.err.strip().splitlines()
    assert (
        f"The code here ({compiled_before.code}) differs from the code that this pipeline was compiled from (0000000000000000)"
        in line
    )
    assert "Compile the pipeline again" in line and result.out == ""
    assert not (tmp_path / "volume" / "taxi" / "artifacts").exists()
