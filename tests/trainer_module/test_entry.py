"""`run_fn` of the Trainer: from which checkpoint it continues, and which files it writes. (Its folder: test_tfx_jobs.py.)"""

import json

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
                "code": "",
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
