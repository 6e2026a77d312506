"""What a model is judged by: TFMA's EvalConfig from the dataset's declaration."""

from __future__ import annotations

import json

import tensorflow_model_analysis as tfma

from components.metrics import skill
from data.features import Dataset
from trainer_module import export
from trainer_module.metrics import AUC_THRESHOLDS

# Bounds are compared after float arithmetic in another order than the training's.
_ROUNDING = 1e-6


def eval_config(dataset: Dataset) -> tfma.EvalConfig:
    """Returns the metrics, slices and thresholds of a dataset.

    The gate: `auc` at least `min_auc`, `accuracy_skill` at least `min_skill`, and `auc` at most `max_auc_drop` below the
    latest blessed model's (not looked at in a first run). All on the overall slice.
    """
    thresholds = {
        "auc": tfma.MetricThreshold(
            value_threshold=_at_least(dataset.min_auc),
            change_threshold=tfma.GenericChangeThreshold(
                direction=tfma.MetricDirection.HIGHER_IS_BETTER,
                absolute={"value": -dataset.max_auc_drop - _ROUNDING},
            ),
        ),
        skill.ACCURACY_SKILL: tfma.MetricThreshold(value_threshold=_at_least(dataset.min_skill)),
    }
    metrics = [
        _metric("ExampleCount"),
        _metric("AUC", name="auc", num_thresholds=AUC_THRESHOLDS),
        _metric("AUC", name="auc_precision_recall", curve="PR", num_thresholds=AUC_THRESHOLDS),
        _metric("BinaryAccuracy", name="binary_accuracy"),
        _metric("Calibration", name="calibration"),
        _metric("MeanLabel", name="mean_label"),
        _metric("MeanPrediction", name="mean_prediction"),
        tfma.MetricConfig(class_name=skill.AccuracySkill.__name__, module=skill.__name__),
    ]
    for metric in metrics:
        name = json.loads(metric.config or "{}").get("name", skill.ACCURACY_SKILL)
        if name in thresholds:
            # `threshold` would hold for every slice: some slices have one class only, and no AUC.
            metric.per_slice_thresholds.append(
                tfma.PerSliceMetricThreshold(slicing_specs=[tfma.SlicingSpec()], threshold=thresholds[name])
            )
    return tfma.EvalConfig(
        model_specs=[
            tfma.ModelSpec(
                signature_name=export.SERVING_DEFAULT,
                prediction_key=export.PROBABILITY,
                preprocessing_function_names=[export.TRANSFORM_LABELS],
                label_key=dataset.label.name,
            )
        ],
        slicing_specs=[tfma.SlicingSpec(), *(tfma.SlicingSpec(feature_keys=[f]) for f in dataset.slices)],
        metrics_specs=[tfma.MetricsSpec(metrics=metrics)],
    )


def _metric(class_name: str, **config: object) -> tfma.MetricConfig:
    return tfma.MetricConfig(class_name=class_name, config=json.dumps(config) if config else "")


def _at_least(bound: float) -> tfma.GenericValueThreshold:
    return tfma.GenericValueThreshold(lower_bound={"value": bound})
