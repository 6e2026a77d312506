"""What the compilers share: defaults for pods, settings of a step. (Refusals: those of the compilers.)"""

import pytest

from pipeline import node_ids
from pipeline.config import pipeline_config
from pipeline.config.tables import Kubeflow
from pipeline.errors import UsageError
from pipeline.orchestrators import compilation

VOLUME = "kubeflow.volume.claim=shared"


def config(*assignments, **options):
    return pipeline_config.load(None, assignments, options)


@pytest.mark.parametrize(
    ("assignments", "output_dir"),
    [
        ((VOLUME,), "/mnt/pipeline/taxi"),
        ((VOLUME, "kubeflow.volume.path=/data/"), "/data/taxi"),
        ((VOLUME, "output_dir=gs://bucket/taxi"), "gs://bucket/taxi"),
    ],
)
def test_the_output_folder_is_on_the_volume_unless_it_is_named(assignments, output_dir):
    assert compilation.with_cluster_defaults(config(*assignments)).output_dir == output_dir


@pytest.mark.parametrize(
    ("assignments", "server", "uri"),
    [
        ((), "grpc://mlmd:8080", "grpc://mlmd:8080"),
        (("metadata.uri=mysql://tfx@db/mlmd",), "grpc://mlmd:8080", "mysql://tfx@db/mlmd"),
        ((), None, "sqlite:///mnt/pipeline/taxi/metadata.sqlite"),
    ],
)
def test_the_metadata_server_is_that_of_the_cluster_unless_it_is_named(assignments, server, uri):
    assert compilation.with_cluster_defaults(config(VOLUME, *assignments), server).metadata_uri == uri


def test_the_table_of_a_step_overrides_that_of_all_steps_key_by_key():
    kubeflow = config(
        "kubeflow.all.cpu=2",
        "kubeflow.all.memory=4Gi",
        f"kubeflow.steps.{node_ids.TRAINER}.memory=16Gi",
        f"kubeflow.steps.{node_ids.TRAINER}.gpu=0",
    ).settings.kubeflow
    trainer = compilation.step_settings(kubeflow, node_ids.TRAINER)
    assert (trainer.cpu, trainer.memory, trainer.gpu, trainer.retries) == ("2", "16Gi", 0, 2)
    assert compilation.step_settings(kubeflow, node_ids.PUSHER) == kubeflow.all


def test_a_step_has_five_seconds_more_than_a_training_needs_to_save():
    assert compilation.seconds_to_end(config("train.grace_seconds=30")) == 35


def test_only_the_first_problem_is_named():
    with pytest.raises(UsageError, match=r"^one$"):
        compilation.refuse(iter(["one", "two"]))
    compilation.refuse(iter([]))


def test_a_secret_is_an_environment_variable():
    assert compilation.secrets(Kubeflow(secrets=["login/METADATA_PASSWORD"])) == {"METADATA_PASSWORD": "login"}
    assert compilation.secrets(Kubeflow()) == {}
