"""One training in this process: from a Job to a model that was handed on."""

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
from trainer_module.supervision.watchdog import Control
from trainer_module.training import loop
from trainer_module.training.job import Job

_LOG_EVERY_STEPS = 100


def train(job: Job, control: Control) -> loop.Trained:
    """Trains in this process alone, from the newest checkpoint in the job's folder on, and hands on one SavedModel.

    Args:
        job: what to train.
        control: of whoever watches.

    Raises:
        trainer_module.training.loop.TrainingError: it did not end as it should.
        trainer_module.supervision.watchdog.InterruptedTraining: it was asked to leave.
    """
    return loop.train(**parts(job), control=control)


def parts(job: Job, shard: inputs.Shard | None = None, **config: object) -> dict[str, Any]:
    """Builds what `loop.train` and `loop.take_part` take, but for the control.

    To be called in the thread that trains: the seed of Keras belongs to a thread.

    Args:
        job: what to train.
        shard: which part of the rows this process trains on; by default all.
        **config: more settings of the RunConfig.
    """
    dataset = discovery.dataset(job.dataset)
    transform_output = _transform_output(job.transform_graph)
    common = {
        "spec": transform_output.transformed_feature_spec(),
        "label": dataset.label.name,
        "batch_size": job.settings.batch_size,
    }
    return {
        "estimator": estimator(job, dataset, **config),
        "plan": loop.plan(job.settings, dataset.task),
        "train_input_fn": inputs.input_fn(
            job.train_files,
            training=True,
            seed=job.settings.seed,
            first_step=step_of(job.folder),
            shard=shard or inputs.Shard(0, 1),
            memory_bytes=job.settings.memory_mb << 20,
            **common,
        ),
        "eval_input_fn": inputs.input_fn(job.eval_files, training=False, **common),
        "receiver_fn": serving_input_receiver_fn(dataset, transform_output),
    }


def estimator(job: Job, dataset: Dataset, **config: object) -> tf.estimator.Estimator:
    """Returns the Estimator of a job. `config` are more settings of its RunConfig, which reads TF_CONFIG."""
    run_config = tf.estimator.RunConfig(
        model_dir=job.folder,
        tf_random_seed=job.settings.seed,
        # Neither: loop.take_part brings its own hook.
        save_checkpoints_steps=None,
        save_checkpoints_secs=None,
        keep_checkpoint_max=job.settings.keep_checkpoints,
        save_summary_steps=job.settings.summary_steps or None,
        log_step_count_steps=_LOG_EVERY_STEPS,
        **config,
    )
    return estimators.build(
        dataset,
        job.model,
        hyperparameters.resolve(job.model, job.hyperparameters),
        run_config,
        histograms=job.settings.histograms,
        start=WarmStart(job.base_model, job.transform_graph) if job.base_model else None,
    )


@functools.cache
def _transform_output(path: str) -> tft.TFTransformOutput:
    """One object for the whole process: see receiver.serving_input_receiver_fn."""
    return tft.TFTransformOutput(path)
