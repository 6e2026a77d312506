"""One training in this process: builds a `PreparedTraining` from a `Job`, and runs it."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from data import Dataset, discovery
from trainer_module import inputs
from trainer_module.checkpoints.checkpoints import step_of
from trainer_module.estimators import build as estimators
from trainer_module.estimators import hyperparameters
from trainer_module.estimators.warm_start import WarmStart
from trainer_module.serving.receiver import serving_input_receiver_fn
from trainer_module.supervision.control import Control
from trainer_module.training import loop
from trainer_module.training.job import Job
from trainer_module.training.prepared import PreparedTraining
from trainer_module.training.result import TrainingResult

_LOG_EVERY_STEPS = 100


def train(job: Job, control: Control) -> TrainingResult:
    """Trains in this process alone, from the newest checkpoint in the job's folder, and exports one SavedModel.

    Args:
        job: the training.
        control: the link to the watchdog.

    Raises:
        trainer_module.training.result.TrainingError: the training did not reach its end, or has no usable model.
        trainer_module.supervision.control.InterruptedTraining: a signal stopped the training.
    """
    return loop.train(build(job, control))


def build(
    job: Job,
    control: Control,
    *,
    shard: inputs.Shard = inputs.WHOLE,
    is_chief: bool | None = None,
    run_config: dict[str, Any] | None = None,
) -> PreparedTraining:
    """Builds the training of a job.

    Call it in the thread that trains: the seed of Keras belongs to a thread.

    Args:
        job: the training.
        control: the link to the watchdog.
        shard: the part of the rows that this process trains on.
        is_chief: whether this process writes checkpoints; None leaves it to TF_CONFIG.
        run_config: further arguments of `tf.estimator.RunConfig`.
    """
    dataset, settings = discovery.dataset(job.dataset), job.settings
    transform_output = _transform_output(job.transform_graph)
    rows = {
        "spec": transform_output.transformed_feature_spec(),
        "label": dataset.label.name,
        "batch_size": settings.batch_size,
    }
    return PreparedTraining(
        estimator=_estimator(job, dataset, is_chief, run_config or {}),
        settings=settings,
        direction=job.direction,
        train_input_fn=inputs.input_fn(
            job.train_files,
            training=True,
            seed=settings.seed,
            first_step=step_of(job.folder),
            shard=shard,
            memory_bytes=settings.memory_mb << 20,
            **rows,
        ),
        eval_input_fn=inputs.input_fn(job.eval_files, training=False, **rows),
        receiver_fn=serving_input_receiver_fn(dataset, transform_output),
        control=control,
    )


def _estimator(job: Job, dataset: Dataset, is_chief: bool | None, run_config_options: dict[str, Any]) -> tf.estimator.Estimator:
    """Returns the Estimator of a job. Its RunConfig reads TF_CONFIG, and has `run_config_options`."""
    run_config = tf.estimator.RunConfig(
        model_dir=job.folder,
        tf_random_seed=job.settings.seed,
        # Both None: the training loop adds a hook that saves checkpoints.
        save_checkpoints_steps=None,
        save_checkpoints_secs=None,
        keep_checkpoint_max=job.settings.keep_checkpoints,
        save_summary_steps=job.settings.summary_steps or None,
        log_step_count_steps=_LOG_EVERY_STEPS,
        **run_config_options,
    )
    estimator = estimators.build(
        dataset,
        job.model,
        hyperparameters.resolve(job.model, job.hyperparameters),
        run_config,
        histograms=job.settings.histograms,
        start=WarmStart(job.base_model, job.transform_graph) if job.base_model else None,
    )
    if is_chief is not None:
        # With MultiWorkerMirroredStrategy every RunConfig says that its process is the chief: it leaves that to TensorFlow's
        # distribute coordinator, which `train_and_evaluate` does not use here.
        estimator._config._is_chief = is_chief
    return estimator


@functools.cache
def _transform_output(path: str) -> tft.TFTransformOutput:
    """Returns one object for the whole process: see `trainer_module.serving.receiver.serving_input_receiver_fn`."""
    return tft.TFTransformOutput(path)
