"""The functions that TFX calls by dotted path: `preprocessing_fn` in Transform, `run_fn` in the Trainer."""

from __future__ import annotations

import json
import posixpath
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tensorflow as tf
import tensorflow_transform as tft

from data import TASKS, discovery
from trainer_module import estimator as estimators
from trainer_module import export, fingerprint, inputs, preprocess
from trainer_module.training import loop

if TYPE_CHECKING:
    from tfx.components import FnArgs

# What a training leaves in the `model_run` artifact for the record of the run.
TRAINED_FILE = "trained.json"

_LOG_EVERY_STEPS = 100


def preprocessing_fn(features: preprocess.RawFeatures, custom_config: dict[str, Any]) -> dict[str, tf.Tensor]:
    """Transform's function. `custom_config["dataset"]` names the dataset whose rules apply."""
    return preprocess.preprocess(discovery.dataset(custom_config["dataset"]), features)


def run_fn(fn_args: FnArgs) -> None:
    """The Trainer's function: builds the Estimator that `custom_config` names, trains it, leaves one clean SavedModel.

    Checkpoints and TensorBoard summaries go to `<checkpoints>/<fingerprint>/`, which outlives the attempt (TFX deletes a
    failed Trainer's outputs): a training that was cut off continues there.

    Args:
        fn_args: with `custom_config`: `dataset`, `model`, `hyperparameters`, `checkpoints` (a folder), `code` (a hash), and
            how to train: `batch_size`, `seed`, `checkpoint_steps`, `keep_checkpoints`, `eval_seconds`, `best` (a metric),
            `patience`, `export`, `summary_steps`, `histograms`. pipeline/config.py says what each is.

    Raises:
        trainer_module.training.loop.TrainingError: the training did not end as it should.
        trainer_module.estimator.HyperParameterError: a hyper-parameter that the model does not have.
    """
    settings = fn_args.custom_config
    dataset = discovery.dataset(settings["dataset"])
    hp = estimators.hyperparameters(settings["model"], settings["hyperparameters"])
    # One object for the whole process: see export.serving_input_receiver_fn.
    transform_output = tft.TFTransformOutput(fn_args.transform_graph_path)
    model_dir = posixpath.join(settings["checkpoints"], _fingerprint(fn_args, hp.values))
    if loop.step_of(model_dir) > fn_args.train_steps:  # a shorter training than before cannot continue: it has its own folder
        model_dir += f"-{fn_args.train_steps}"

    config = tf.estimator.RunConfig(
        model_dir=model_dir,
        tf_random_seed=settings["seed"],
        save_checkpoints_steps=settings["checkpoint_steps"],
        keep_checkpoint_max=settings["keep_checkpoints"],
        save_summary_steps=settings["summary_steps"],
        log_step_count_steps=_LOG_EVERY_STEPS,
    )
    common = {
        "tf_transform_output": transform_output,
        "label": dataset.label.name,
        "batch_size": settings["batch_size"],
    }
    trained = loop.train(
        estimators.build(dataset, settings["model"], hp, config, histograms=settings["histograms"]),
        loop.Plan(
            steps=fn_args.train_steps,
            eval_seconds=settings["eval_seconds"],
            best=settings["best"],
            direction=TASKS[dataset.task].metrics[settings["best"]],
            patience=settings["patience"],
            export=settings["export"],
        ),
        inputs.input_fn(fn_args.train_files, training=True, seed=settings["seed"], **common),
        inputs.input_fn(fn_args.eval_files, training=False, **common),
        export.serving_input_receiver_fn(dataset, transform_output),
    )
    export.finish(trained.saved_model, dataset)
    _copy(trained.saved_model, fn_args.serving_model_dir)
    tf.io.gfile.makedirs(fn_args.model_run_dir)
    record = asdict(trained) | {"model": settings["model"], "hyperparameters": hp.values}
    with tf.io.gfile.GFile(posixpath.join(fn_args.model_run_dir, TRAINED_FILE), "w") as file:
        file.write(json.dumps(record, indent=2, sort_keys=True))


def _fingerprint(fn_args: FnArgs, hyperparameters: dict[str, Any]) -> str:
    """Hashes what determines a training: its data, Transform graph, code and settings; not its length or cadence."""
    settings = fn_args.custom_config
    return fingerprint.settings(
        data=sorted(fn_args.train_files),
        transform=fn_args.transform_graph_path,
        code=settings["code"],
        dataset=settings["dataset"],
        model=settings["model"],
        hyperparameters=hyperparameters,
        batch_size=settings["batch_size"],
        seed=settings["seed"],
        # The weights do not depend on it, but which of the checkpoints has been kept does.
        best=settings["best"],
    )


def _copy(source: str, destination: str) -> None:
    """Copies a SavedModel, its `saved_model.pb` last: whoever sees that file sees a whole model."""
    names = [str(p.relative_to(source)) for p in Path(source).rglob("*") if p.is_file()]
    for name in sorted(names, key=lambda n: n == tf.saved_model.SAVED_MODEL_FILENAME_PB):
        target = posixpath.join(destination, name)
        tf.io.gfile.makedirs(posixpath.dirname(target))
        tf.io.gfile.copy(str(Path(source) / name), target, overwrite=True)
