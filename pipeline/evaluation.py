"""TFMA's EvalConfig of a dataset: metrics, slices and bounds."""

from __future__ import annotations

import json
from collections.abc import Mapping

import tensorflow_model_analysis as tfma

from components.metrics import classification, regression
from data import TASKS, Bound, Dataset
from data import metric_names as names
from trainer_module.heads import WEIGHT
from trainer_module.heads.metrics import AUC_THRESHOLDS
from trainer_module.serving import signatures

# TFMA sums floats in another order than the training, so a bound has this tolerance.
_ROUNDING = 1e-6


def eval_config(dataset: Dataset) -> tfma.EvalConfig:
    """Returns the metrics of the task, the slices of the dataset, and its bounds, which hold for the overall slice only."""
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                signature_name=signatures.SERVING_DEFAULT,
                prediction_key=signatures.SERVED_PREDICTION[dataset.task],
                preprocessing_function_names=[signatures.TRANSFORM_LABELS],
                label_key=dataset.label.name,
                example_weight_key=WEIGHT if dataset.weight else "",
            )
        ],
        slicing_specs=[tfma.SlicingSpec(), *(tfma.SlicingSpec(feature_keys=[f]) for f in dataset.slices)],
        metrics_specs=[tfma.MetricsSpec(metrics=_metrics(dataset))],
    )


def _metrics(dataset: Dataset) -> list[tfma.MetricConfig]:
    bounds = thresholds(dataset)
    configs = [tfma.MetricConfig(class_name="ExampleCount")]
    for name in TASKS[dataset.task].metrics:
        config = _metric(name, dataset)
        if name in bounds:
            # `threshold` would hold for every slice, but a slice with a single class has no AUC.
            config.per_slice_thresholds.append(
                tfma.PerSliceMetricThreshold(slicing_specs=[tfma.SlicingSpec()], threshold=bounds[name])
            )
        configs.append(config)
    return configs


def _metric(name: str, dataset: Dataset) -> tfma.MetricConfig:
    """Returns TFMA's configuration of the metric with this name in `data.TASKS`."""
    if dataset.series:
        columns = {"past": dataset.series.value, "seasonal_naive": dataset.series.seasonal_naive}
        return _config(regression.ForecastMetrics, name=name, **columns)
    if dataset.task == "regression":
        return _config(regression.RegressionMetrics, name=name)
    if dataset.task == "multiclass_classification":
        return _config(classification.MulticlassSkill, name=name)
    if name == names.ACCURACY_SKILL:
        return _config(classification.AccuracySkill, name=name)
    class_name, settings = _BINARY[name]
    return tfma.MetricConfig(class_name=class_name, config=json.dumps({"name": name, **settings}))


# TFMA's own metrics of binary classification.
_BINARY: Mapping[str, tuple[str, Mapping[str, object]]] = {
    names.AUC: ("AUC", {"num_thresholds": AUC_THRESHOLDS}),
    names.AUC_PRECISION_RECALL: ("AUC", {"num_thresholds": AUC_THRESHOLDS, "curve": "PR"}),
    names.BINARY_ACCURACY: ("BinaryAccuracy", {}),
    names.CALIBRATION: ("Calibration", {}),
    names.MEAN_LABEL: ("MeanLabel", {}),
    names.MEAN_PREDICTION: ("MeanPrediction", {}),
}


def _config(metric: type, **config: object) -> tfma.MetricConfig:
    return tfma.MetricConfig(class_name=metric.__name__, module=metric.__module__, config=json.dumps(config))


def thresholds(dataset: Dataset) -> dict[str, tfma.MetricThreshold]:
    """Returns metric -> its bounds: on its value, and on its change against the latest blessed model."""
    by_metric: dict[str, tfma.MetricThreshold] = {}
    directions = TASKS[dataset.task].metrics
    for bound in dataset.bounds:
        by_metric.setdefault(bound.metric, tfma.MetricThreshold()).MergeFrom(_threshold(bound, directions[bound.metric]))
    return by_metric


def _threshold(bound: Bound, direction: str) -> tfma.MetricThreshold:
    threshold = tfma.MetricThreshold()
    if bound.at_least is not None:
        threshold.value_threshold.lower_bound.value = bound.at_least
    if bound.at_most is not None:
        threshold.value_threshold.upper_bound.value = bound.at_most
    change, sign = threshold.change_threshold, -1 if direction == "higher" else 1
    if bound.max_degradation is not None:
        change.absolute.value = sign * (bound.max_degradation + _ROUNDING)
    if bound.max_degradation_ratio is not None:
        change.relative.value = sign * (bound.max_degradation_ratio + _ROUNDING)
    if bound.max_degradation is not None or bound.max_degradation_ratio is not None:
        higher, lower = tfma.MetricDirection.HIGHER_IS_BETTER, tfma.MetricDirection.LOWER_IS_BETTER
        change.direction = higher if direction == "higher" else lower
    return threshold
