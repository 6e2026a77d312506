"""Does a baseline still fit, and what does a validation result say?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from components.decision import Decision, Finding
from data import Dataset
from trainer_module.serving import card, signatures
from trainer_module.serving.saved_model import signature_names

_DIRECTIONS = {"lower_bound": "must be at least", "upper_bound": "must be at most"}


def why_unfit(saved_model: str, dataset: Dataset) -> str | None:
    """Returns why a model cannot be evaluated on the dataset as it is now; None if it can.

    Args:
        saved_model: folder of the SavedModel.
        dataset: what the examples hold today.
    """
    missing = {signatures.SERVING_DEFAULT, signatures.TRANSFORM_LABELS} - signature_names(saved_model)
    if missing:
        return f"it has no signature {' and '.join(sorted(missing))}"
    trained_on = card.read(saved_model)
    if trained_on is None:
        return f"it does not say what it was trained on ({card.FILE} is missing)"
    if trained_on.task != dataset.task:
        return f"its task was {trained_on.task}, the dataset's is {dataset.task}"
    if trained_on.label != dataset.label.name:
        return f"its label was '{trained_on.label}', the dataset's is '{dataset.label.name}'"
    if dataset.weight and dataset.weight not in trained_on.columns:
        return f"it knows nothing of the example weight '{dataset.weight}'"
    columns = card.column_types(dataset)
    for column, then in trained_on.columns.items():
        now = columns.get(column)
        if now is None:
            return f"it reads the column '{column}', which the dataset no longer has"
        if now != then:
            return f"it reads the column '{column}' as {then}, which is {now} now"
    return None


def decide(result: Any, had_baseline: bool, set_aside: str | None) -> Decision:
    """Puts a tfma.ValidationResult into words.

    Args:
        result: what TFMA found.
        had_baseline: whether the model was compared with the latest blessed one.
        set_aside: why the latest blessed one could not be compared with.
    """
    notes = []
    if set_aside:
        notes.append(Finding(text=f"The latest blessed model was set aside as a baseline: {set_aside}.", refuses=False))
    against = "the latest blessed model and the absolute bounds" if had_baseline else "the absolute bounds"
    aside = "".join(f" {n.text}" for n in notes)
    if result.validation_ok:
        why = f"The model holds against {against}.{aside}"
        return Decision(decision="passed", why=why, findings=tuple(notes))
    failures = tuple(_failures(result))
    why = (
        f"The model is not good enough, judged by {against}: {' '.join(f.text for f in failures)}{aside} Nothing was pushed; "
        "what is served stays. Train longer (train.steps), change the model, or, if the bound is wrong, the dataset's `bounds`."
    )
    return Decision(decision="refused", why=why, findings=(*failures, *notes))


def _failures(result: Any) -> Iterator[Finding]:
    for validations in result.metric_validations_per_slice:
        name = slice_name(validations.slice_key)
        for failure in validations.failures:
            yield _finding(name, failure)
    for missing in result.missing_slices:
        named = [*missing.feature_keys, *(f"{k}={v}" for k, v in sorted(missing.feature_values.items()))]
        yield Finding(text=f"No row of the evaluation split belongs to the slice {', '.join(named)}.")
    if not result.metric_validations_per_slice and not result.missing_slices:
        yield Finding(text="No metric could be computed: does the evaluation split have rows?")


def _finding(slice_: str, failure: Any) -> Finding:
    metric = failure.metric_key.name
    if not failure.metric_value.WhichOneof("type"):
        return Finding(text=f"{metric} was not computed: {failure.message}", metric=metric, slice=slice_)
    value = failure.metric_value.double_value.value
    on = "overall" if slice_ == OVERALL else f"on the slice {slice_}"
    if failure.metric_key.is_diff:
        change = failure.metric_threshold.change_threshold
        # With both kinds of bound, the one that is missed.
        if change.HasField("absolute") and (abs(value) > abs(change.absolute.value) or not change.HasField("relative")):
            bound = change.absolute.value
            text = f"{metric} {on} changed by {value:+.4f} against the latest blessed model, the bound is {bound:+.4f}."
        else:
            bound = change.relative.value
            text = (
                f"{metric} {on} changed by {value:+.4f} against the latest blessed model, "
                f"the bound is {bound:+.1%} of that model's."
            )
        return Finding(text=text, metric=f"{metric} (change)", slice=slice_, value=value, bound=bound)
    threshold = failure.metric_threshold.value_threshold
    side = next((s for s in _DIRECTIONS if threshold.HasField(s) and _misses(s, value, getattr(threshold, s).value)), None)
    if side is None:  # NaN misses every bound
        side = next(s for s in _DIRECTIONS if threshold.HasField(s))
    bound = getattr(threshold, side).value
    text = f"{metric} {on} is {value:.4f}, it {_DIRECTIONS[side]} {bound:.4f}."
    return Finding(text=text, metric=metric, slice=slice_, value=value, bound=bound)


def _misses(side: str, value: float, bound: float) -> bool:
    return value < bound if side == "lower_bound" else value > bound


OVERALL = "overall"


def slice_name(key: Any) -> str:
    """Returns "overall" or "column=value" for a TFMA SliceKey."""
    parts = []
    for part in key.single_slice_keys:
        kind = part.WhichOneof("kind")
        value = getattr(part, kind)
        parts.append(f"{part.column}={value.decode() if isinstance(value, bytes) else value}")
    return ", ".join(parts) or OVERALL
