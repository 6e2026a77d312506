"""Makes the job of a training from the arguments that TFX gives to `run_fn` and `tuner_fn`."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from data import discovery
from trainer_module import custom_config, fingerprint
from trainer_module.checkpoints import folder
from trainer_module.custom_config import TrainerConfig, TrainingConfig, TunerConfig
from trainer_module.estimators import hyperparameters
from trainer_module.files.paths import is_remote
from trainer_module.models import NAME as MODELS
from trainer_module.training.job import Job
from trainer_module.tuning import best

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs


def trainer_job(fn_args: FnArgs) -> Job:
    """Returns the job of the Trainer, with the folder that it trains in.

    The hyper-parameters are those of the user, else of a search, else the model's defaults.

    Raises:
        trainer_module.estimators.hyperparameters.HyperParameterError: the model has no such hyper-parameter.
    """
    config = custom_config.decode(fn_args.custom_config, TrainerConfig)
    tuned = best.values(fn_args.hyperparameters, config.dataset, config.model)
    values = hyperparameters.resolve(config.model, tuned | config.hyperparameters).values
    job = _job(fn_args, config, values)
    first_folder = posixpath.join(config.checkpoints, job.fingerprint())
    max_step = job.settings.steps + job.settings.cluster.overshoot
    return replace(job, folder=folder.choose(first_folder, max_step, job.settings.fresh_run_id))


def trial_job(fn_args: FnArgs, config: TunerConfig) -> Job:
    """Returns the job of every trial of the Tuner, without a folder, and with only the user's hyper-parameters."""
    return _job(fn_args, config, config.hyperparameters)


def owner(fn_args: FnArgs, root: str) -> str:
    """Returns the owner of the trainings below a root: the artifacts' path relative to it, since both may be moved together."""
    # <artifacts>/Trainer/model_run/<number>
    artifacts = posixpath.normpath(posixpath.join(fn_args.model_run_dir, "../../.."))
    return artifacts if is_remote(fn_args.model_run_dir) else posixpath.relpath(artifacts, root)


def _job(fn_args: FnArgs, config: TrainingConfig, values: dict[str, Any]) -> Job:
    return Job(
        dataset=config.dataset,
        model=config.model,
        hyperparameters=values,
        train_files=list(fn_args.train_files),
        eval_files=list(fn_args.eval_files),
        transform_graph=fn_args.transform_graph_path,
        # The code that determines the weights. `config.code` covers all code that the Trainer runs, for TFX's cache.
        code=fingerprint.code(
            "trainer_module.training.attempt",
            discovery.module_name(MODELS, config.model),
            discovery.module_name(discovery.DATASETS, config.dataset),
        ),
        folder="",
        settings=config.settings,
        base_model=fn_args.base_model,
    )
