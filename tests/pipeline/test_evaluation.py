"""The EvalConfig of a dataset."""

import dataclasses

import tensorflow_model_analysis as tfma

from data import discovery
from pipeline.evaluation import eval_config

TAXI = discovery.dataset("taxi")


def thresholds(dataset):
    """Returns every (metric, slices, threshold)."""
    config = tfma.utils.update_eval_config_with_defaults(eval_config(dataset), has_baseline=True)
    found = tfma.metrics.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config)
    return [(key, slices, bound) for key, bounds in found.items() for slices, bound in bounds]


def test_the_bounds_are_those_of_the_dataset():
    bounds = thresholds(dataclasses.replace(TAXI, min_auc=0.9, min_skill=0.03, max_auc_drop=0.01))
    absolute = {(k.name, b.lower_bound.value) for k, _, b in bounds if isinstance(b, tfma.GenericValueThreshold)}
    changes = {(k.name, round(b.absolute.value, 5)) for k, _, b in bounds if isinstance(b, tfma.GenericChangeThreshold)}
    # TFMA also lists the computations that a metric is derived from, under keys of their own.
    assert {(n, v) for n, v in absolute if n in ("auc", "accuracy_skill")} == {("auc", 0.9), ("accuracy_skill", 0.03)}
    assert changes == {("auc", -0.01)}


def test_only_the_overall_slice_decides():
    for _, slices, _ in thresholds(TAXI):
        assert slices == tfma.SlicingSpec()


def test_metrics_are_computed_overall_and_by_every_slice_of_the_dataset():
    specs = eval_config(TAXI).slicing_specs
    assert [list(s.feature_keys) for s in specs] == [[], ["trip_start_hour"], ["payment_type"]]
