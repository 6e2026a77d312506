"""What TFX calls by dotted path: Transform's `preprocessing_fn`, the Tuner's `tuner_fn`, the Trainer's `run_fn`."""

from __future__ import annotations

import json
import posixpath
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import msgspec
import tensorflow as tf

from data import discovery
from trainer_module import fingerprint, trainer
from trainer_module.checkpoints import folder
from trainer_module.estimators import hyperparameters, warm_start
from trainer_module.files.paths import is_remote
from trainer_module.models import NAME as MODELS
from trainer_module.serving import export
from trainer_module.training.job import Job
from trainer_module.training.result import Trained
from trainer_module.training.settings import TrainSettings
from trainer_module.transform import preprocess
from trainer_module.tuning import best
from trainer_module.tuning.settings import TuneSettings

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs
    from tfx.components.tuner.component import TunerFnResult

# What a training leaves in the `model_run` artifact for the record of the run.
TRAINED_FILE = "trained.json"


def preprocessing_fn(features: preprocess.RawFeatures, custom_config: dict[str, Any]) -> dict[str, tf.Tensor]:
    """Transform's function. `custom_config["dataset"]` names the dataset whose rules apply."""
    return preprocess.preprocess(discovery.dataset(custom_config["dataset"]), features)


def run_fn(fn_args: FnArgs) -> None:
    """The Trainer's function: builds the Estimator that `custom_config` names, trains it, leaves one clean SavedModel.

    Checkpoints and TensorBoard summaries go to `<checkpoints>/<fingerprint>/`, which outlives the attempt (TFX deletes a
    failed Trainer's outputs): a training that was cut off continues there.

    Args:
        fn_args: with `custom_config`: `dataset`, `model`, `hyperparameters` (those that are given), `checkpoints` (a folder),
            `code` (a hash), and `settings`, those of `trainer_module.training.settings.TrainSettings`.

    Raises:
        trainer_module.training.result.TrainingError: the training did not end as it should.
        trainer_module.checkpoints.folder.FolderInUseError: another process trains the same.
        trainer_module.estimators.hyperparameters.HyperParameterError: a hyper-parameter that the model does not have.
    """
    job = _trainers_job(fn_args)
    with folder.held(job.folder, _owner(fn_args, posixpath.dirname(job.folder))) as descriptor:
        trained = trainer.train(job, descriptor)
        export.finish(trained.saved_model, discovery.dataset(job.dataset))
        _copy(trained.saved_model, fn_args.serving_model_dir)
        _leave_record(job, trained, fn_args.model_run_dir)
        folder.tidy(job.folder, job.settings.keep_trainings)


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """The Tuner's function: returns what searches for the hyper-parameters that `custom_config` does not fix.

    Args:
        fn_args: with `custom_config`: that of `run_fn`, but for `checkpoints`; `searches` (a folder), and `tuning`, those of
            `trainer_module.tuning.settings.TuneSettings`.

    Raises:
        trainer_module.tuning.space.NothingToSearchError: all hyper-parameters are given.
    """
    from tfx.components.tuner.component import TunerFnResult

    from trainer_module.tuning import search

    custom = fn_args.custom_config
    tuning = msgspec.convert(custom["tuning"], TuneSettings)
    return TunerFnResult(search.tuner(_job(fn_args, custom["hyperparameters"]), tuning, custom["searches"]), {})


def _trainers_job(fn_args: FnArgs) -> Job:
    """The job of a Trainer: what the user gives, else what a search has found, else the model's defaults."""
    custom = fn_args.custom_config
    tuned = best.values(fn_args.hyperparameters, custom["dataset"], custom["model"])
    values = hyperparameters.resolve(custom["model"], tuned | custom["hyperparameters"]).values
    job = _job(fn_args, values)
    path = posixpath.join(custom["checkpoints"], job.fingerprint())
    most = job.settings.steps + job.settings.cluster.overshoot
    return replace(job, folder=folder.choose(path, most, job.settings.fresh_run_id))


def _owner(fn_args: FnArgs, root: str) -> str:
    """Whose the trainings below a root are: by where the artifacts lie, seen from the root, since both may be moved."""
    # <artifacts>/Trainer/model_run/<number>
    artifacts = posixpath.normpath(posixpath.join(fn_args.model_run_dir, "../../.."))
    return artifacts if is_remote(fn_args.model_run_dir) else posixpath.relpath(artifacts, root)


def _job(fn_args: FnArgs, hyperparameters: dict[str, Any]) -> Job:
    custom = fn_args.custom_config
    return Job(
        dataset=custom["dataset"],
        model=custom["model"],
        hyperparameters=hyperparameters,
        train_files=list(fn_args.train_files),
        eval_files=list(fn_args.eval_files),
        transform_graph=fn_args.transform_graph_path,
        # The code that decides how the weights come out; `custom["code"]`, of all that the Trainer runs, is for TFX's cache.
        code=fingerprint.code(
            "trainer_module.training.attempt",
            discovery.module_name(MODELS, custom["model"]),
            discovery.module_name(discovery.DATASETS, custom["dataset"]),
        ),
        folder="",
        settings=msgspec.convert(custom["settings"], TrainSettings),
        base_model=fn_args.base_model,
    )


def _leave_record(job: Job, trained: Trained, model_run: str) -> None:
    """Leaves in the `model_run` artifact what belongs there: summaries, evaluations, and what the record of the run tells."""
    tf.io.gfile.makedirs(model_run)
    folder.copy_events(job.folder, model_run)
    record = asdict(trained) | {"model": job.model, "hyperparameters": job.hyperparameters}
    report = warm_start.read_report(job.folder)
    if report:
        record["warm_start"] = report
    with tf.io.gfile.GFile(posixpath.join(model_run, TRAINED_FILE), "w") as file:
        file.write(json.dumps(record, indent=2, sort_keys=True))


def _copy(source: str, destination: str) -> None:
    """Copies a SavedModel, its `saved_model.pb` last: whoever sees that file sees a whole model."""
    for name in sorted(folder.names_below(source), key=lambda n: n == tf.saved_model.SAVED_MODEL_FILENAME_PB):
        folder.copy(source, name, destination)
