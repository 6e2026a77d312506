"""Builds the Estimator of a model file, and adds the common parts: label scale, metrics, signatures, summaries."""

from __future__ import annotations

from collections.abc import Callable

import keras_tuner as kt
import tensorflow as tf

from data import Dataset, discovery
from trainer_module.estimators import keras_conversion, stateless_random, summaries
from trainer_module.estimators.warm_start import WarmStart
from trainer_module.heads import WEIGHT, label_scale
from trainer_module.heads.metrics import eval_metric_ops
from trainer_module.models import NAME as MODELS
from trainer_module.serving import outputs

ModelFn = Callable[..., tf.estimator.EstimatorSpec]
Prepare = Callable[[tf.estimator.EstimatorSpec], None]


def build(
    dataset: Dataset,
    model: str,
    hp: kt.HyperParameters,
    config: tf.estimator.RunConfig,
    *,
    histograms: bool = False,
    start: WarmStart | None = None,
) -> tf.estimator.Estimator:
    """Returns the Estimator of a model file, with the parts that all models share.

    - The model gets labels on the training scale (`trainer_module.heads.label_scale`). Its predictions are converted back to
      the label's units.
    - The metrics of the task are added to the model's own.
    - Its export has the signatures of `trainer_module.serving.signatures`.
    - A training writes the summaries of `trainer_module.estimators.summaries`, every `RunConfig.save_summary_steps`.
    - If a single process trains, random operations such as dropout depend on the seed and the global step alone
      (`trainer_module.estimators.stateless_random`).

    Sets the seeds of the process: `RunConfig.tf_random_seed` does not reach the initialisers of Keras layers.

    Args:
        dataset: the dataset to train on.
        model: name of the model file.
        hp: hyper-parameters.
        config: folder, seed, cadence.
        histograms: whether the summaries include histograms of weights and gradients.
        start: the model whose weights a new training begins with.

    Raises (when it is trained, evaluated or exported):
        trainer_module.serving.outputs.MissingPredictionError: `predictions` lacks the key of the task.
    """
    if config.tf_random_seed is not None:
        tf.keras.utils.set_random_seed(config.tf_random_seed)
    # Keras numbers unnamed layers per process: without this, a second Estimator would have other variable names.
    tf.keras.backend.reset_uids()
    inner = _estimator_of_file(dataset, model, hp, config)
    # A private attribute, but the only way in which a converted Keras model passes on the weights that it already has.
    own_weights = inner._warm_start_settings

    def prepare(spec: tf.estimator.EstimatorSpec) -> None:
        _make_random_ops_stateless(inner.config)
        if start and not tf.train.latest_checkpoint(inner.config.model_dir):
            if own_weights:
                tf.compat.v1.train.warm_start(*own_weights)
            start.begin(config.model_dir)
        if inner.config.save_summary_steps:
            summaries.write(spec.loss, histograms=histograms)

    # With `start`, both warm starts happen in `prepare`, the model's own weights first.
    return tf.estimator.Estimator(
        _model_fn(inner.model_fn, dataset, prepare), config=inner.config, warm_start_from=None if start else own_weights
    )


def _estimator_of_file(
    dataset: Dataset, model: str, hp: kt.HyperParameters, config: tf.estimator.RunConfig
) -> tf.estimator.Estimator:
    """Returns the Estimator that the model file builds, or converts its Keras model to one."""
    module = discovery.load(MODELS, model)
    if hasattr(module, "build"):
        return module.build(dataset, hp, config)
    return keras_conversion.to_estimator(module.keras_model(dataset, hp), dataset, config)


def _model_fn(inner: ModelFn, dataset: Dataset, prepare: Prepare) -> ModelFn:
    """Returns a model_fn that wraps that of the model file. `prepare` completes the graph of a training."""
    label = dataset.label

    def model_fn(
        features: dict[str, tf.Tensor], labels: tf.Tensor | None, mode: str, config: object
    ) -> tf.estimator.EstimatorSpec:
        # The served input has the label among its columns: the signature `transform_labels` returns it.
        served_label = features.pop(label.name, None) if labels is None else None
        scaled = labels
        if labels is not None and label_scale.is_scaled(label):
            scaled = label_scale.to_training_scale(label, labels, features)
        spec = inner(features, scaled, mode, config)
        if mode == tf.estimator.ModeKeys.TRAIN:
            prepare(spec)
            return spec
        spec = outputs.in_label_units(spec, dataset, features)
        if mode == tf.estimator.ModeKeys.EVAL:
            prediction = outputs.task_prediction(dataset, spec.predictions)
            metrics = eval_metric_ops(dataset.task, labels, prediction, features.get(WEIGHT))
            return spec._replace(eval_metric_ops={**(spec.eval_metric_ops or {}), **metrics})
        if served_label is None:  # predict(): nothing is exported
            return spec
        return spec._replace(export_outputs=outputs.export_outputs(spec, dataset, served_label, features.get(WEIGHT)))

    return model_fn


def _make_random_ops_stateless(config: tf.estimator.RunConfig) -> None:
    """Makes random operations follow the global step, if this process trains alone."""
    if not config.cluster_spec and not tf.distribute.has_strategy():
        stateless_random.make_stateless(tf.compat.v1.get_default_graph(), tf.compat.v1.train.get_global_step().read_value())
