"""The functions that TFX calls: Transform's `preprocessing_fn`, the Tuner's `tuner_fn`, the Trainer's `run_fn`."""

from __future__ import annotations

import json
import posixpath
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import tensorflow as tf

from data import discovery
from trainer_module import tfx_jobs, trainer
from trainer_module.checkpoints import folder
from trainer_module.custom_config import TunerConfig, decode
from trainer_module.estimators import warm_start
from trainer_module.serving import export
from trainer_module.training.job import Job
from trainer_module.training.result import TrainingResult
from trainer_module.transform import preprocess

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs
    from tfx.components.tuner.component import TunerFnResult

# The file in the `model_run` artifact that holds the result of the training, for run.json.
TRAINED_FILE = "trained.json"


def preprocessing_fn(features: preprocess.RawFeatures, custom_config: dict[str, Any]) -> dict[str, tf.Tensor]:
    """Transforms raw features, as the dataset that `custom_config["dataset"]` names declares."""
    return preprocess.preprocess(discovery.dataset(custom_config["dataset"]), features)


def run_fn(fn_args: FnArgs) -> None:
    """Trains the model that `custom_config` names and writes one SavedModel to `fn_args.serving_model_dir`.

    Checkpoints and TensorBoard summaries go to `<checkpoints>/<fingerprint>/`, which outlives the attempt (TFX deletes the
    outputs of a failed Trainer): an interrupted training continues there.

    Args:
        fn_args: its `custom_config` is a `trainer_module.custom_config.TrainerConfig`.

    Raises:
        trainer_module.training.result.TrainingError: the training did not reach its end, or has no usable model.
        trainer_module.checkpoints.folder.FolderInUseError: another process trains in the same folder.
        trainer_module.estimators.hyperparameters.HyperParameterError: the model has no such hyper-parameter.
    """
    job = tfx_jobs.trainer_job(fn_args)
    with folder.held(job.folder, tfx_jobs.owner(fn_args, posixpath.dirname(job.folder))) as descriptor:
        trained = trainer.train(job, descriptor)
        export.finish(trained.saved_model, discovery.dataset(job.dataset))
        _copy(trained.saved_model, fn_args.serving_model_dir)
        _write_model_run(job, trained, fn_args.model_run_dir)
        folder.tidy(job.folder, job.settings.keep_trainings)


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """Returns a tuner that searches for the hyper-parameters that `custom_config` does not fix.

    Args:
        fn_args: its `custom_config` is a `trainer_module.custom_config.TunerConfig`.

    Raises:
        trainer_module.tuning.space.NothingToSearchError: the configuration fixes all hyper-parameters.
    """
    from tfx.components.tuner.component import TunerFnResult

    from trainer_module.tuning import search

    config = decode(fn_args.custom_config, TunerConfig)
    return TunerFnResult(search.tuner(tfx_jobs.trial_job(fn_args, config), config.tuning, config.searches), {})


def _write_model_run(job: Job, trained: TrainingResult, model_run: str) -> None:
    """Writes the summaries and the result of a training into the `model_run` artifact; run.json gets the result from there."""
    tf.io.gfile.makedirs(model_run)
    folder.copy_events(job.folder, model_run)
    record = asdict(trained) | {"model": job.model, "hyperparameters": job.hyperparameters}
    report = warm_start.read_report(job.folder)
    if report:
        record["warm_start"] = report
    with tf.io.gfile.GFile(posixpath.join(model_run, TRAINED_FILE), "w") as file:
        file.write(json.dumps(record, indent=2, sort_keys=True))


def _copy(source: str, destination: str) -> None:
    """Copies a SavedModel, `saved_model.pb` last: where that file exists, the model is complete."""
    for name in sorted(folder.names_below(source), key=lambda n: n == tf.saved_model.SAVED_MODEL_FILENAME_PB):
        folder.copy(source, name, destination)
