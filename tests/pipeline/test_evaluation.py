"""The EvalConfig of TFMA for a dataset."""

import dataclasses
import json

import pytest
import tensorflow_model_analysis as tfma

from data import TASKS, Bound, discovery
from data import metric_names as names
from pipeline.evaluation import eval_config

BOUNDS = (Bound(names.AUC, at_least=0.9, max_degradation=0.01), Bound(names.ACCURACY_SKILL, at_least=0.03))
TAXI = discovery.dataset("taxi")
HOUSING = discovery.dataset("housing")


def thresholds(dataset):
    """Returns (metric, slices, threshold) for every threshold."""
    config = tfma.utils.update_eval_config_with_defaults(eval_config(dataset), has_baseline=True)
    by_metric = tfma.metrics.metric_thresholds_from_metrics_specs(config.metrics_specs, eval_config=config)
    return [(key, slices, bound) for key, bounds in by_metric.items() for slices, bound in bounds]


def test_the_bounds_are_those_of_the_dataset():
    bounds = thresholds(dataclasses.replace(TAXI, bounds=BOUNDS))
    absolute = {(k.name, b.lower_bound.value) for k, _, b in bounds if isinstance(b, tfma.GenericValueThreshold)}
    changes = {(k.name, round(b.absolute.value, 5)) for k, _, b in bounds if isinstance(b, tfma.GenericChangeThreshold)}
    # TFMA also lists the computations from which a metric is derived, with other keys.
    assert {(n, v) for n, v in absolute if n in (names.AUC, names.ACCURACY_SKILL)} == {
        (names.AUC, 0.9),
        (names.ACCURACY_SKILL, 0.03),
    }
    assert changes == {(names.AUC, -0.01)}


def test_an_error_may_grow_by_a_ratio():
    bounds = thresholds(dataclasses.replace(HOUSING, bounds=(Bound(names.MAE, at_most=20_000, max_degradation_ratio=0.02),)))
    assert {(k.name, b.upper_bound.value) for k, _, b in bounds if isinstance(b, tfma.GenericValueThreshold)} == {
        (names.MAE, 20_000)
    }
    # TFMA also lists the sums from which the metric is derived.
    change = next(b for k, _, b in bounds if k.name == names.MAE and isinstance(b, tfma.GenericChangeThreshold))
    assert change.direction == tfma.MetricDirection.LOWER_IS_BETTER
    assert round(change.relative.value, 5) == 0.02


@pytest.mark.parametrize("name", discovery.names(discovery.DATASETS))
def test_every_metric_of_the_task_is_computed(name):
    dataset = discovery.dataset(name)
    configured = {json.loads(m.config)["name"] for m in eval_config(dataset).metrics_specs[0].metrics if m.config}
    assert configured == set(TASKS[dataset.task].metrics)


def test_bounds_apply_only_to_the_overall_slice():
    for _, slices, _ in thresholds(TAXI):
        assert slices == tfma.SlicingSpec()


def test_metrics_are_computed_overall_and_by_every_slice_of_the_dataset():
    specs = eval_config(TAXI).slicing_specs
    assert [list(s.feature_keys) for s in specs] == [[], ["trip_start_hour"], ["payment_type"]]
