"""`run_fn` of the Trainer: in which folder it trains, from which checkpoint it continues, and which files it writes."""

import json
from pathlib import Path

import msgspec
import pytest
import tensorflow as tf
from tensorflow.python.lib.io import file_io
from tfx.components.trainer.fn_args_utils import FnArgs

from data import metric_names
from pipeline import node_ids
from tests.support import training
from tests.support.settings import train_settings
from trainer_module import entry
from trainer_module.checkpoints import folder, prune
from trainer_module.serving import card
from trainer_module.serving.saved_model import signature_names
from trainer_module.serving.signatures import PREDICT_RAW


@pytest.fixture(scope="module")
def fruit(materialised):
    return materialised("toy.fruit")


@pytest.fixture
def make_args(fruit, tmp_path):
    """Returns a function: makes the FnArgs that TFX passes to `run_fn`, for a number of steps and with these settings."""
    examples = training.artifact(fruit, *node_ids.TRANSFORMED_EXAMPLES)
    runs = iter(range(1, 100))

    def args(steps, checkpoints=tmp_path / "checkpoints", artifacts=tmp_path / "artifacts", **settings):
        number = next(runs)
        model, model_run = (f"{artifacts}/{node}/{key}/{number}" for node, key in (node_ids.MODEL, node_ids.MODEL_RUN))
        return FnArgs(
            train_files=[f"{examples}/Split-train/*"],
            eval_files=[f"{examples}/Split-eval/*"],
            transform_graph_path=training.artifact(fruit, *node_ids.TRANSFORM_GRAPH),
            serving_model_dir=f"{model}/Format-Serving",
            model_run_dir=model_run,
            custom_config={
                "dataset": "toy.fruit",
                "model": "custom_wide_deep",
                "hyperparameters": {},
                "checkpoints": str(checkpoints),
                "settings": msgspec.to_builtins(
                    train_settings(**{"steps": steps, "batch_size": 50, "best": metric_names.AUC} | settings)
                ),
            },
        )

    return args


def run(args):
    """Trains. Returns (first step, last step, suffix of the training folder, such as "-2")."""
    entry.run_fn(args)
    with tf.io.gfile.GFile(f"{args.model_run_dir}/{entry.TRAINED_FILE}") as file:
        result = json.loads(file.read())
    training = result["checkpoint"].removeprefix(args.custom_config["checkpoints"]).split("/")[1]
    return result["resumed_from"], result["steps"], training[16:]


def test_a_shorter_training_gets_its_own_folder_and_a_longer_one_continues_from_it(make_args):
    assert run(make_args(20)) == (0, 20, "")
    assert run(make_args(10)) == (0, 10, "-2")
    assert run(make_args(15)) == (10, 15, "-2")
    assert run(make_args(10)) == (0, 10, "-3")
    assert run(make_args(30)) == (20, 30, "")
    assert run(make_args(10)) == (10, 10, "-3")


def save(training, step, fresh_run=None):
    """Writes the files of a checkpoint into a training folder, and the id of the fresh run that began it."""
    Path(training).mkdir(parents=True)
    for name in (f"model.ckpt-{step}.index", f"model.ckpt-{step}.data-00000-of-00001"):
        Path(training, name).touch()
    Path(training, "checkpoint").write_text(f'model_checkpoint_path: "model.ckpt-{step}"')
    if fresh_run:
        Path(training, "fresh").write_text(fresh_run)


@pytest.mark.parametrize(
    ("cluster", "step", "same_folder"),
    [
        ({"workers": 1, "ps": 1}, 3001, True),  # killed in the last evaluation
        ({"workers": 1, "ps": 1}, 3002, False),
        ({"workers": 2, "ps": 1}, 3002, True),
        ({}, 3001, False),
        ({"workers": 2, "strategy": "multi_worker_mirrored"}, 3001, False),
    ],
)
def test_a_checkpoint_at_most_one_step_per_worker_beyond_the_last_is_of_the_same_training(
    make_args, cluster, step, same_folder
):
    before = entry._trainers_job(make_args(3000, cluster=cluster))
    save(before.folder, step)
    after = entry._trainers_job(make_args(3000, cluster=cluster))
    assert (after.folder == before.folder) is same_folder


def test_a_retry_of_a_fresh_run_finds_its_own_folder_even_if_another_has_more_steps(make_args):
    args = make_args(20, fresh_run_id="run-2")
    first = entry._trainers_job(args)
    save(first.folder, 5, fresh_run="run-2")
    other = f"{first.folder}-2"
    save(other, 9, fresh_run="run-1")
    assert entry._trainers_job(args).folder == first.folder
    assert entry._trainers_job(make_args(20)).folder == other


def test_the_owner_of_a_training_is_a_relative_path_that_stays_true_after_a_move(make_args, tmp_path):
    job = entry._trainers_job(make_args(20))
    owner = entry._owner(make_args(20), str(tmp_path / "checkpoints"))
    with folder.held(job.folder, owner):
        assert prune.owner_of(job.folder) == "../artifacts"
    elsewhere = entry._owner(make_args(20, artifacts=tmp_path / "another" / "artifacts"), str(tmp_path / "checkpoints"))
    assert elsewhere == "../another/artifacts"
    assert entry._owner(make_args(20, artifacts="gs://bucket/artifacts"), str(tmp_path)).endswith("bucket/artifacts")


@pytest.fixture
def bucket(monkeypatch):
    """The URL of a remote folder in memory.

    TensorFlow's file system for `ram://` differs from object storage: it renames only files, and it lists `assets.extra`
    as `.extra` in the folder `assets`. This fixture mends both.
    """
    rename, listdir = tf.compat.v1.gfile.Rename, file_io.list_directory_v2

    def rename_folder(old, new, overwrite=False):
        for parent, _, names in list(tf.io.gfile.walk(old)):
            target = parent.replace(tf.compat.as_str(old), tf.compat.as_str(new), 1)
            tf.io.gfile.makedirs(target)
            for name in names:
                rename(f"{parent}/{name}", f"{target}/{name}", overwrite)
        rmtree(old)

    def rename_any(old, new, overwrite=False):
        (rename_folder if tf.io.gfile.isdir(old) else rename)(old, new, overwrite)

    def list_existing(path):
        return [name for name in listdir(path) if tf.io.gfile.exists(f"{path}/{name}")]

    def rmtree(path):
        for parent, _, names in list(tf.io.gfile.walk(path, topdown=False)):
            for name in names:
                tf.io.gfile.remove(f"{parent}/{name}")
            file_io.delete_file_v2(parent)

    monkeypatch.setattr(tf.io.gfile, "rmtree", rmtree)
    monkeypatch.setattr(tf.compat.v1.gfile, "Rename", rename_any)
    monkeypatch.setattr(file_io, "list_directory_v2", list_existing)
    return "ram://bucket"


def test_a_training_with_remote_checkpoints_and_artifacts_continues_and_exports_its_model(make_args, bucket):
    remote = {"checkpoints": f"{bucket}/checkpoints", "artifacts": f"{bucket}/artifacts"}
    assert run(make_args(10, **remote)) == (0, 10, "")
    assert run(args := make_args(20, **remote, checkpoint_steps=5, eval_seconds=0)) == (10, 20, "")
    assert PREDICT_RAW in signature_names(args.serving_model_dir)
    assert card.read(args.serving_model_dir).dataset == "toy.fruit"
    assert tf.io.gfile.glob(f"{args.model_run_dir}/events.out.tfevents.*")
    assert not tf.io.gfile.glob(f"{bucket}/checkpoints/*/export")
    assert run(make_args(10, **remote)) == (0, 10, "-2")
    assert run(make_args(20, **remote, fresh_run_id="run-4")) == (0, 20, "")
