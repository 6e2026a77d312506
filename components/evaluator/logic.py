"""Turns TFMA's validation result into a decision in words."""

from __future__ import annotations

from collections.abc import Iterator

from tensorflow_model_analysis.proto import metrics_for_slice_pb2, validation_result_pb2

from components.decision import Decision, Finding

OVERALL = "overall"
_BOUNDS = {"lower_bound": "must be at least", "upper_bound": "must be at most"}


def decide(result: validation_result_pb2.ValidationResult, had_baseline: bool, unfit_baseline: str | None) -> Decision:
    """Decides whether a model is good enough.

    Args:
        result: TFMA's result.
        had_baseline: whether the model was compared with the latest blessed one.
        unfit_baseline: why the latest blessed model could not be evaluated; None if it could, or if there is none.
    """
    warnings = []
    if unfit_baseline:
        text = f"The latest blessed model was not used as the baseline: {unfit_baseline}."
        warnings.append(Finding(text=text, refuses=False))
    judged_by = "the latest blessed model and the absolute bounds" if had_baseline else "the absolute bounds"
    warning_text = "".join(f" {warning.text}" for warning in warnings)
    if result.validation_ok:
        return Decision(
            decision="passed", why=f"The model is good enough, judged by {judged_by}.{warning_text}", findings=tuple(warnings)
        )
    failures = tuple(_failures(result))
    why = (
        f"The model is not good enough, judged by {judged_by}: {' '.join(f.text for f in failures)}{warning_text} "
        "Nothing was pushed; the served model stays. Train longer (train.steps), change the model, or, if a bound is wrong, "
        "correct the dataset's `bounds`."
    )
    return Decision(decision="refused", why=why, findings=(*failures, *warnings))


def slice_name(key: metrics_for_slice_pb2.SliceKey) -> str:
    """Returns "overall" or "column=value", several of them separated by commas."""
    columns = []
    for pair in key.single_slice_keys:
        value = getattr(pair, pair.WhichOneof("kind"))
        columns.append(f"{pair.column}={value.decode() if isinstance(value, bytes) else value}")
    return ", ".join(columns) or OVERALL


def _failures(result: validation_result_pb2.ValidationResult) -> Iterator[Finding]:
    for validations in result.metric_validations_per_slice:
        name = slice_name(validations.slice_key)
        for failure in validations.failures:
            yield _finding(name, failure)
    for missing_slice in result.missing_slices:
        slices = [*missing_slice.feature_keys, *(f"{k}={v}" for k, v in sorted(missing_slice.feature_values.items()))]
        yield Finding(text=f"No row of the evaluation split belongs to the slice {', '.join(slices)}.")
    if not result.metric_validations_per_slice and not result.missing_slices:
        yield Finding(text="No metric could be computed: does the evaluation split have rows?")


def _finding(slice_: str, failure: validation_result_pb2.ValidationFailure) -> Finding:
    metric = failure.metric_key.name
    if not failure.metric_value.WhichOneof("type"):
        return Finding(text=f"{metric} was not computed: {failure.message}", metric=metric, slice=slice_)
    return _missed_change(slice_, failure) if failure.metric_key.is_diff else _missed_value(slice_, failure)


def _missed_change(slice_: str, failure: validation_result_pb2.ValidationFailure) -> Finding:
    """Describes a missed bound on the change against the latest blessed model."""
    metric, value = failure.metric_key.name, failure.metric_value.double_value.value
    change = failure.metric_threshold.change_threshold
    # A metric may have both kinds of bound. Name the one that was missed.
    if change.HasField("absolute") and (abs(value) > abs(change.absolute.value) or not change.HasField("relative")):
        bound, bound_text = change.absolute.value, f"{change.absolute.value:+.4f}"
    else:
        bound, bound_text = change.relative.value, f"{change.relative.value:+.1%} of that model's"
    text = (
        f"{metric} {_slice_text(slice_)} changed by {value:+.4f} against the latest blessed model; the bound is {bound_text}."
    )
    return Finding(text=text, metric=f"{metric} (change)", slice=slice_, value=value, bound=bound)


def _missed_value(slice_: str, failure: validation_result_pb2.ValidationFailure) -> Finding:
    """Describes a missed bound on the value of a metric."""
    metric, value = failure.metric_key.name, failure.metric_value.double_value.value
    threshold = failure.metric_threshold.value_threshold
    sides = [side for side in _BOUNDS if threshold.HasField(side)]
    # NaN misses no bound in a comparison. TFMA counts it as a failure; then the first bound is named.
    side = next((s for s in sides if _misses(s, value, getattr(threshold, s).value)), sides[0])
    bound = getattr(threshold, side).value
    text = f"{metric} {_slice_text(slice_)} is {value:.4f}; it {_BOUNDS[side]} {bound:.4f}."
    return Finding(text=text, metric=metric, slice=slice_, value=value, bound=bound)


def _slice_text(slice_: str) -> str:
    return OVERALL if slice_ == OVERALL else f"on the slice {slice_}"


def _misses(side: str, value: float, bound: float) -> bool:
    return value < bound if side == "lower_bound" else value > bound
