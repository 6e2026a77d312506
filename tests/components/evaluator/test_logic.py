"""The decisions and texts of the evaluation gate, also for a baseline that it sets aside."""

import math

import pytest
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import validation_result_pb2

from components.evaluator import logic
from data import metric_names as names

NAN = float("nan")
LOWER = {"value_threshold": {"lower_bound": {"value": 0.85}}}
UPPER = {"value_threshold": {"upper_bound": {"value": 0.2}}}
CHANGE = {"change_threshold": {"direction": "HIGHER_IS_BETTER", "absolute": {"value": -0.005}}}


def failure(metric: str, value: float | None, threshold: dict, *, is_diff: bool = False) -> dict:
    fields = {"metric_key": {"name": metric, "is_diff": is_diff}, "metric_threshold": threshold}
    return fields if value is None else {**fields, "metric_value": {"double_value": {"value": value}}}


def result(*failures: dict, slice_key: list | None = None) -> validation_result_pb2.ValidationResult:
    validation = {"slice_key": {"single_slice_keys": slice_key or []}, "failures": failures}
    return validation_result_pb2.ValidationResult(validation_ok=not failures, metric_validations_per_slice=[validation])


def decide(validation, had_baseline: bool = True, unfit_baseline: str | None = None) -> logic.Decision:
    return logic.decide(validation, had_baseline, unfit_baseline)


# Decisions.


def test_a_model_without_failures_passes():
    decision = decide(validation_result_pb2.ValidationResult(validation_ok=True))
    assert decision.passed
    assert decision.why == "The model is good enough, judged by the latest blessed model and the absolute bounds."
    assert decision.findings == ()


def test_a_first_model_without_failures_passes_the_absolute_bounds():
    decision = decide(validation_result_pb2.ValidationResult(validation_ok=True), had_baseline=False)
    assert decision.why == "The model is good enough, judged by the absolute bounds."


@pytest.mark.parametrize(
    ("threshold", "value", "text", "bound"),
    [
        (LOWER, 0.7, "auc overall is 0.7000; it must be at least 0.8500.", 0.85),
        (UPPER, 0.3, "auc overall is 0.3000; it must be at most 0.2000.", 0.2),
        ({"value_threshold": LOWER["value_threshold"] | {"upper_bound": {"value": 0.95}}}, 0.99, "at most 0.9500", 0.95),
        ({"value_threshold": LOWER["value_threshold"] | {"upper_bound": {"value": 0.95}}}, 0.1, "at least 0.8500", 0.85),
    ],
    ids=["lower", "upper", "above both", "below both"],
)
def test_a_missed_bound_is_named_with_the_value(threshold, value, text, bound):
    decision = decide(result(failure(names.AUC, value, threshold)))
    (finding,) = decision.findings
    assert text in finding.text
    assert finding.text in decision.why
    assert (finding.metric, finding.slice, finding.value, finding.bound) == (names.AUC, "overall", value, bound)


def test_a_refusal_says_that_nothing_was_pushed_and_what_to_do():
    decision = decide(result(failure(names.AUC, 0.7, LOWER)), had_baseline=False)
    assert decision.decision == "refused"
    assert decision.why.startswith("The model is not good enough, judged by the absolute bounds: auc overall ")
    assert "Nothing was pushed; the served model stays." in decision.why
    assert all(fix in decision.why for fix in ("train.steps", "`bounds`"))


def test_a_metric_below_that_of_the_latest_blessed_model_is_named_as_a_change():
    decision = decide(result(failure(names.AUC, -0.02, CHANGE, is_diff=True)))
    (finding,) = decision.findings
    assert finding.text == "auc overall changed by -0.0200 against the latest blessed model; the bound is -0.0050."
    assert (finding.metric, finding.value, finding.bound) == ("auc (change)", -0.02, -0.005)


RATIO = {"direction": "LOWER_IS_BETTER", "relative": {"value": 0.02}}
BOTH = {**RATIO, "absolute": {"value": 500}}


def test_a_ratio_to_the_latest_blessed_model_is_named_in_percent():
    decision = decide(result(failure(names.MAE, 800, {"change_threshold": RATIO}, is_diff=True)))
    (finding,) = decision.findings
    assert (
        finding.text == "mae overall changed by +800.0000 against the latest blessed model; the bound is +2.0% of that model's."
    )
    assert finding.text in decision.why
    assert (finding.metric, finding.slice, finding.value, finding.bound) == ("mae (change)", "overall", 800, 0.02)


@pytest.mark.parametrize(
    ("value", "missed"),
    [
        (800, "the bound is +500.0000."),
        (300, "the bound is +2.0% of that model's."),
        (NAN, "the bound is +2.0% of that model's."),
    ],
)
def test_of_two_bounds_on_a_change_the_missed_one_is_named(value, missed):
    (finding,) = decide(result(failure(names.MAE, value, {"change_threshold": BOTH}, is_diff=True))).findings
    assert finding.text.endswith(missed)


def test_a_ratio_on_a_slice_names_the_slice():
    key = [{"column": "zone", "bytes_value": b"RL"}]
    threshold = {"change_threshold": {"direction": "HIGHER_IS_BETTER", "relative": {"value": -0.1}}}
    (finding,) = decide(result(failure(names.ACCURACY, -0.2, threshold, is_diff=True), slice_key=key)).findings
    assert finding.text == (
        "accuracy on the slice zone=RL changed by -0.2000 against the latest blessed model; "
        "the bound is -10.0% of that model's."
    )


def test_a_failure_on_a_slice_names_the_slice():
    validation = result(failure(names.AUC, 0.7, LOWER), slice_key=[{"column": "payment", "bytes_value": b"Cash"}])
    (finding,) = decide(validation).findings
    assert finding.text.startswith("auc on the slice payment=Cash is 0.7000")
    assert finding.slice == "payment=Cash"


@pytest.mark.parametrize(("threshold", "text"), [(LOWER, "at least 0.8500"), (UPPER, "at most 0.2000")])
def test_nan_misses_every_bound(threshold, text):
    (finding,) = decide(result(failure(names.AUC, NAN, threshold))).findings
    assert finding.text.startswith("auc overall is nan")
    assert text in finding.text
    assert math.isnan(finding.value)


def test_a_missing_metric_is_not_reported_as_zero():
    (finding,) = decide(result(failure(names.AUC, None, LOWER))).findings
    assert names.AUC in finding.text
    assert "is 0.0000" not in finding.text
    assert finding.value is None


def test_every_failure_is_named():
    decision = decide(result(failure(names.AUC, 0.7, LOWER), failure(names.ACCURACY_SKILL, 0.0, LOWER)))
    assert [f.metric for f in decision.findings] == [names.AUC, names.ACCURACY_SKILL]
    assert all(f.text in decision.why for f in decision.findings)


def test_a_slice_without_rows_is_named():
    validation = validation_result_pb2.ValidationResult(missing_slices=[tfma.SlicingSpec(feature_keys=["payment"])])
    decision = decide(validation)
    assert decision.decision == "refused"
    assert "No row of the evaluation split belongs to the slice" in decision.why
    assert "payment" in decision.why
    assert "\n" not in decision.why


def test_a_result_without_metrics_asks_for_rows():
    decision = decide(validation_result_pb2.ValidationResult(validation_ok=False))
    assert decision.decision == "refused"
    assert "No metric could be computed: does the evaluation split have rows?" in decision.why


SET_ASIDE = "The latest blessed model was not used as the baseline: its label was 'tip'."


def test_a_baseline_that_was_set_aside_is_mentioned_when_the_model_passes():
    decision = decide(
        validation_result_pb2.ValidationResult(validation_ok=True), had_baseline=False, unfit_baseline="its label was 'tip'"
    )
    assert decision.why == f"The model is good enough, judged by the absolute bounds. {SET_ASIDE}"
    assert [(f.text, f.refuses) for f in decision.findings] == [(SET_ASIDE, False)]


def test_a_baseline_that_was_set_aside_is_mentioned_when_the_model_is_refused():
    decision = decide(result(failure(names.AUC, 0.7, LOWER)), had_baseline=False, unfit_baseline="its label was 'tip'")
    assert decision.decision == "refused"
    assert SET_ASIDE in decision.why
    assert [f.refuses for f in decision.findings] == [True, False]


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ([], "overall"),
        ([{"column": "payment", "bytes_value": "Café".encode()}], "payment=Café"),
        ([{"column": "hour", "int64_value": 7}], "hour=7"),
        ([{"column": "hour", "int64_value": 0}], "hour=0"),
        ([{"column": "fare", "float_value": 1.5}], "fare=1.5"),
        ([{"column": "payment", "bytes_value": b"Cash"}, {"column": "hour", "int64_value": 7}], "payment=Cash, hour=7"),
    ],
)
def test_a_slice_is_named_by_column_and_value(keys, name):
    validation = result(failure(names.AUC, 0.7, LOWER), slice_key=keys)
    assert logic.slice_name(validation.metric_validations_per_slice[0].slice_key) == name
