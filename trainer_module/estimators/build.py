"""From the name of a model file to an Estimator that is ready to train and to export."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any

import keras_tuner as kt
import tensorflow as tf

from data import Dataset, Tabular, discovery
from trainer_module.estimators import keras_conversion, stateless_random, summaries, warm_start
from trainer_module.heads import WEIGHT, label_scale
from trainer_module.heads.metrics import eval_metric_ops
from trainer_module.models import NAME as MODELS
from trainer_module.serving import outputs

_TRUTH = {"true": True, "false": False, "1": True, "0": False}


class HyperParameterError(ValueError):
    """A hyper-parameter that the model does not have, or a value that its search space does not contain."""


class UnfitModelError(ValueError):
    """A model that cannot be trained on a dataset: the message says why, and which models can."""


def check(dataset: Dataset, model: str, overrides: Mapping[str, Any] | None = None) -> None:
    """Checks what can be known of a model and its dataset before any work is done.

    Raises:
        UnfitModelError: the model is for another task or for other kinds of feature.
        HyperParameterError: see `hyperparameters`.
        trainer_module.estimators.keras_conversion.KerasModelError: a Keras model that cannot be converted.
    """
    why = why_unfit(dataset, model)
    if why:
        fitting = [name for name in discovery.names(MODELS) if not why_unfit(dataset, name)]
        raise UnfitModelError(f"{why} Models that fit: {', '.join(fitting) or 'none yet'}.")
    hp = hyperparameters(model, overrides)
    module = discovery.load(MODELS, model)
    if not hasattr(module, "build"):
        keras_conversion.check(module.keras_model(dataset, hp), dataset)
        tf.keras.backend.clear_session()


def why_unfit(dataset: Dataset, model: str) -> str | None:
    """Returns why a model cannot be trained on a dataset, by what its file declares; None if it can."""
    module = discovery.load(MODELS, model)
    tasks = getattr(module, "TASKS", None)
    if tasks and dataset.task not in tasks:
        return f"Dataset '{dataset.name}' is a {dataset.task}; model '{model}' is for {', '.join(tasks)}."
    kinds = getattr(module, "FEATURES", typing.get_args(Tabular))
    strange = [f for f in dataset.features if not isinstance(f, kinds)]
    if strange:
        return (
            f"Dataset '{dataset.name}' has a {type(strange[0]).__name__}, '{strange[0].name}'; "
            f"model '{model}' reads {', '.join(k.__name__ for k in kinds)}."
        )
    return None


def hyperparameters(model: str, overrides: Mapping[str, Any] | None = None) -> kt.HyperParameters:
    """Returns a model's search space, at its defaults but for `overrides`.

    Raises:
        HyperParameterError: a name that the search space does not declare, or a value of another type.
    """
    hp = kt.HyperParameters()
    discovery.load(MODELS, model).search_space(hp)
    space = {p.name: p for p in hp.space}
    for name, value in (overrides or {}).items():
        if name not in space:
            raise HyperParameterError(f"Model '{model}' has no hyper-parameter '{name}'. It has: {', '.join(sorted(space))}.")
        hp.values[name] = _checked(space[name], value, model)
    return hp


def _checked(declared: Any, value: Any, model: str) -> Any:
    """Returns a value as the hyper-parameter's own type. Raises HyperParameterError if the space does not contain it."""
    kind = type(declared.default)
    what = f"Hyper-parameter '{declared.name}' of model '{model}' takes"
    try:
        typed = _boolean(value) if kind is bool else kind(value)
        exact = isinstance(value, str) or kind is str or typed == value
    except (TypeError, ValueError):
        exact = False
    if not exact:
        like = "true or false" if kind is bool else f"a value like {declared.default!r}"
        raise HyperParameterError(f"{what} {like}. Received: {value!r}.")
    if isinstance(declared, kt.engine.hyperparameters.Choice):
        if typed not in declared.values:
            raise HyperParameterError(f"{what} one of {', '.join(map(repr, declared.values))}. Received: {value!r}.")
    elif hasattr(declared, "min_value") and not declared.min_value <= typed <= declared.max_value:
        raise HyperParameterError(f"{what} values from {declared.min_value} to {declared.max_value}. Received: {value!r}.")
    return typed


def _boolean(value: Any) -> bool:
    """Returns a truth value. On a command line it is a text, and to Python every text but the empty one is true."""
    spelled = str(value).lower()
    if spelled not in _TRUTH:
        raise ValueError(value)
    return _TRUTH[spelled]


def build(
    dataset: Dataset,
    model: str,
    hp: kt.HyperParameters,
    config: tf.estimator.RunConfig,
    *,
    histograms: bool = False,
    base_model: str | None = None,
    transform_graph: str | None = None,
) -> tf.estimator.Estimator:
    """Returns the Estimator of a model file, with what every model has: units, metrics and signatures.

    The model of the file sees labels on a standardised scale (`trainer_module.heads.label_scale`). Its predictions are put back
    into the label's own units; the metrics of the task are added to its own metrics; its export gets the signatures of
    `trainer_module.serving.signatures`.

    The process's seeds are set first: `RunConfig.tf_random_seed` does not reach the initialisers of Keras layers.
    A training writes the summaries of `trainer_module.estimators.summaries`, every `RunConfig.save_summary_steps`. If one
    process trains, random operations such as dropout depend on the seed and the global step alone
    (`trainer_module.estimators.stateless_random`).

    Args:
        dataset: that it is trained on.
        model: name of the file.
        hp: hyper-parameters.
        config: folder, seed, cadence.
        histograms: whether the summaries include histograms of weights and gradients.
        base_model: SavedModel whose weights a training from the start begins with.
        transform_graph: Transform's output, to say how its vocabularies differ from that model's.

    Raises (when it is trained, evaluated or exported):
        trainer_module.serving.outputs.MissingPredictionError: `predictions` lacks what the task is evaluated and served by.
    """
    if config.tf_random_seed is not None:
        tf.keras.utils.set_random_seed(config.tf_random_seed)
    # Keras numbers unnamed layers through the whole process: a second Estimator's checkpoint would have other names in it.
    tf.keras.backend.reset_uids()
    module = discovery.load(MODELS, model)
    if hasattr(module, "build"):
        inner = module.build(dataset, hp, config)
    else:
        inner = keras_conversion.to_estimator(module.keras_model(dataset, hp), dataset, config)
    # The settings are private there, but they are how a Keras model hands over the weights it already has.
    own_weights = inner._warm_start_settings
    if base_model:

        def warm() -> None:
            if own_weights:
                tf.compat.v1.train.warm_start(*own_weights)
            warm_start.tell(warm_start.start_from(base_model), base_model, transform_graph, config.model_dir)

        return tf.estimator.Estimator(_model_fn(inner, dataset, histograms, warm), config=inner.config)
    return tf.estimator.Estimator(_model_fn(inner, dataset, histograms), config=inner.config, warm_start_from=own_weights)


def _model_fn(inner: tf.estimator.Estimator, dataset: Dataset, histograms: bool, warm: Callable[[], None] | None = None) -> Any:
    declared = dataset.label

    def model_fn(
        features: dict[str, tf.Tensor], labels: tf.Tensor | None, mode: str, config: object
    ) -> tf.estimator.EstimatorSpec:
        # The served input has the label as one of its columns, for the signature that evaluation reads it from.
        served_label = features.pop(declared.name, None) if labels is None else None
        seen = (
            label_scale.to_training_scale(declared, labels, features)
            if labels is not None and label_scale.is_scaled(declared)
            else labels
        )
        spec = inner.model_fn(features, seen, mode, config)
        if mode == tf.estimator.ModeKeys.TRAIN:
            _prepare(spec, inner.config, histograms, warm)
            return spec
        spec = outputs.in_label_units(spec, dataset, features)
        if mode == tf.estimator.ModeKeys.EVAL:
            metrics = eval_metric_ops(
                dataset.task, labels, outputs.task_prediction(dataset, spec.predictions), features.get(WEIGHT)
            )
            return spec._replace(eval_metric_ops={**(spec.eval_metric_ops or {}), **metrics})
        if served_label is None:  # predict(): nothing is exported
            return spec
        return spec._replace(export_outputs=outputs.export_outputs(spec, dataset, served_label, features.get(WEIGHT)))

    return model_fn


def _prepare(
    spec: tf.estimator.EstimatorSpec, config: tf.estimator.RunConfig, histograms: bool, warm: Callable[[], None] | None
) -> None:
    """Adds to the graph of a training what every training has."""
    if not config.cluster_spec and not tf.distribute.has_strategy():
        stateless_random.follow_the_step(tf.compat.v1.get_default_graph(), tf.compat.v1.train.get_global_step().read_value())
    if warm and not tf.train.latest_checkpoint(config.model_dir):
        warm()
    if config.save_summary_steps:
        summaries.write(spec.loss, histograms=histograms)
