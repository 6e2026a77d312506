"""The evaluation gate's words, and which baselines it sets aside."""

import json
import math
from pathlib import Path

import msgspec
import pytest
import tensorflow as tf
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import validation_result_pb2

from components.evaluator import logic
from data import BinaryLabel, Dataset, MulticlassLabel, Numeric, Series
from trainer_module.serving.card import FILE as CARD_FILE
from trainer_module.serving.card import Card
from trainer_module.serving.signatures import SERVING_DEFAULT, TRANSFORM_LABELS

NAN = float("nan")
LOWER = {"value_threshold": {"lower_bound": {"value": 0.85}}}
UPPER = {"value_threshold": {"upper_bound": {"value": 0.2}}}
CHANGE = {"change_threshold": {"direction": "HIGHER_IS_BETTER", "absolute": {"value": -0.005}}}


def failure(metric: str, value: float | None, threshold: dict, *, is_diff: bool = False) -> dict:
    made = {"metric_key": {"name": metric, "is_diff": is_diff}, "metric_threshold": threshold}
    return made if value is None else {**made, "metric_value": {"double_value": {"value": value}}}


def result(*failures: dict, slice_key: list | None = None) -> validation_result_pb2.ValidationResult:
    validation = {"slice_key": {"single_slice_keys": slice_key or []}, "failures": failures}
    return validation_result_pb2.ValidationResult(validation_ok=not failures, metric_validations_per_slice=[validation])


def decide(found, had_baseline: bool = True, set_aside: str | None = None) -> logic.Decision:
    return logic.decide(found, had_baseline, set_aside)


# Decisions.


def test_a_good_model_passes():
    decision = decide(validation_result_pb2.ValidationResult(validation_ok=True))
    assert decision.passed
    assert decision.why == "The model holds against the latest blessed model and the absolute bounds."
    assert decision.findings == ()


def test_a_good_first_model_passes_the_absolute_bounds():
    decision = decide(validation_result_pb2.ValidationResult(validation_ok=True), had_baseline=False)
    assert decision.why == "The model holds against the absolute bounds."


@pytest.mark.parametrize(
    ("threshold", "value", "text", "bound"),
    [
        (LOWER, 0.7, "auc overall is 0.7000, it must be at least 0.8500.", 0.85),
        (UPPER, 0.3, "auc overall is 0.3000, it must be at most 0.2000.", 0.2),
        ({"value_threshold": LOWER["value_threshold"] | {"upper_bound": {"value": 0.95}}}, 0.99, "at most 0.9500", 0.95),
        ({"value_threshold": LOWER["value_threshold"] | {"upper_bound": {"value": 0.95}}}, 0.1, "at least 0.8500", 0.85),
    ],
    ids=["lower", "upper", "above both", "below both"],
)
def test_a_missed_bound_is_named_with_the_value(threshold, value, text, bound):
    decision = decide(result(failure("auc", value, threshold)))
    (finding,) = decision.findings
    assert text in finding.text
    assert finding.text in decision.why
    assert (finding.metric, finding.slice, finding.value, finding.bound) == ("auc", "overall", value, bound)


def test_a_refusal_says_what_was_not_done_and_what_to_do():
    decision = decide(result(failure("auc", 0.7, LOWER)), had_baseline=False)
    assert decision.decision == "refused"
    assert decision.why.startswith("The model is not good enough, judged by the absolute bounds: auc overall ")
    assert "Nothing was pushed; what is served stays." in decision.why
    assert all(way in decision.why for way in ("train.steps", "`bounds`"))


def test_a_fall_behind_the_latest_blessed_model_is_named_as_a_change():
    decision = decide(result(failure("auc", -0.02, CHANGE, is_diff=True)))
    (finding,) = decision.findings
    assert finding.text == "auc overall changed by -0.0200 against the latest blessed model, the bound is -0.0050."
    assert (finding.metric, finding.value, finding.bound) == ("auc (change)", -0.02, -0.005)


SHARE = {"direction": "LOWER_IS_BETTER", "relative": {"value": 0.02}}
BOTH = {**SHARE, "absolute": {"value": 500}}


def test_a_share_of_the_latest_blessed_models_metric_is_named_in_percent():
    decision = decide(result(failure("mae", 800, {"change_threshold": SHARE}, is_diff=True)))
    (finding,) = decision.findings
    assert (
        finding.text == "mae overall changed by +800.0000 against the latest blessed model, the bound is +2.0% of that model's."
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
def test_of_two_bounds_on_a_change_the_one_that_is_missed_is_named(value, missed):
    (finding,) = decide(result(failure("mae", value, {"change_threshold": BOTH}, is_diff=True))).findings
    assert finding.text.endswith(missed)


def test_a_share_on_a_slice_names_the_slice():
    key = [{"column": "zone", "bytes_value": b"RL"}]
    threshold = {"change_threshold": {"direction": "HIGHER_IS_BETTER", "relative": {"value": -0.1}}}
    (finding,) = decide(result(failure("accuracy", -0.2, threshold, is_diff=True), slice_key=key)).findings
    assert finding.text == (
        "accuracy on the slice zone=RL changed by -0.2000 against the latest blessed model, "
        "the bound is -10.0% of that model's."
    )


def test_a_failure_on_a_slice_names_the_slice():
    found = result(failure("auc", 0.7, LOWER), slice_key=[{"column": "payment", "bytes_value": b"Cash"}])
    (finding,) = decide(found).findings
    assert finding.text.startswith("auc on the slice payment=Cash is 0.7000")
    assert finding.slice == "payment=Cash"


@pytest.mark.parametrize(("threshold", "text"), [(LOWER, "at least 0.8500"), (UPPER, "at most 0.2000")])
def test_not_a_number_misses_every_bound(threshold, text):
    (finding,) = decide(result(failure("auc", NAN, threshold))).findings
    assert finding.text.startswith("auc overall is nan")
    assert text in finding.text
    assert math.isnan(finding.value)


def test_a_metric_that_was_not_found_is_not_said_to_be_zero():
    (finding,) = decide(result(failure("auc", None, LOWER))).findings
    assert "auc" in finding.text
    assert "is 0.0000" not in finding.text
    assert finding.value is None


def test_every_failure_is_named():
    decision = decide(result(failure("auc", 0.7, LOWER), failure("accuracy_skill", 0.0, LOWER)))
    assert [f.metric for f in decision.findings] == ["auc", "accuracy_skill"]
    assert all(f.text in decision.why for f in decision.findings)


def test_a_slice_without_rows_is_named():
    found = validation_result_pb2.ValidationResult(missing_slices=[tfma.SlicingSpec(feature_keys=["payment"])])
    decision = decide(found)
    assert decision.decision == "refused"
    assert "No row of the evaluation split belongs to the slice" in decision.why
    assert "payment" in decision.why
    assert "\n" not in decision.why


def test_a_result_without_metrics_asks_for_rows():
    decision = decide(validation_result_pb2.ValidationResult(validation_ok=False))
    assert decision.decision == "refused"
    assert "No metric could be computed: does the evaluation split have rows?" in decision.why


ASIDE = "The latest blessed model was set aside as a baseline: its label was 'tip'."


def test_a_baseline_that_was_set_aside_is_mentioned_when_the_model_passes():
    decision = decide(
        validation_result_pb2.ValidationResult(validation_ok=True), had_baseline=False, set_aside="its label was 'tip'"
    )
    assert decision.why == f"The model holds against the absolute bounds. {ASIDE}"
    assert [(f.text, f.refuses) for f in decision.findings] == [(ASIDE, False)]


def test_a_baseline_that_was_set_aside_is_mentioned_when_the_model_is_refused():
    decision = decide(result(failure("auc", 0.7, LOWER)), had_baseline=False, set_aside="its label was 'tip'")
    assert decision.decision == "refused"
    assert ASIDE in decision.why
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
    found = result(failure("auc", 0.7, LOWER), slice_key=keys)
    assert logic.slice_name(found.metric_validations_per_slice[0].slice_key) == name


# Baselines.

TRIPS = Dataset(name="trips", features=(Numeric("fare"),), label=BinaryLabel("tip"), sample="trips.csv")


def saved_model(folder: Path, *signatures: str) -> Path:
    class Tiny(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
        def serve(self, examples):
            return {"probability": tf.zeros(tf.shape(examples))}

    tiny = Tiny()
    tf.saved_model.save(tiny, str(folder), dict.fromkeys(signatures, tiny.serve))
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return saved_model(tmp_path_factory.mktemp("whole"), SERVING_DEFAULT, TRANSFORM_LABELS)


def with_card(model: Path, **changes) -> str:
    card = Card("1", TRIPS.name, TRIPS.task, TRIPS.label.name, dict(TRIPS.columns))
    file = model / CARD_FILE
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(msgspec.to_builtins(msgspec.structs.replace(card, **changes))))
    return str(model)


def test_a_baseline_of_the_same_columns_and_label_fits(whole):
    assert logic.why_unfit(with_card(whole), TRIPS) is None


def test_a_baseline_that_needs_fewer_columns_than_the_dataset_has_fits(whole):
    assert logic.why_unfit(with_card(whole, columns={"tip": "float32"}), TRIPS) is None


def test_a_baseline_of_another_dataset_with_the_same_columns_fits(whole):
    assert logic.why_unfit(with_card(whole, dataset="cabs"), TRIPS) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"task": "regression"}, "its task was regression, the dataset's is binary_classification"),
        ({"label": "big_tipper"}, "its label was 'big_tipper', the dataset's is 'tip'"),
        (
            {"columns": {"fare": "float32", "miles": "float32"}},
            "it reads the column 'miles', which the dataset no longer has",
        ),
        ({"columns": {"fare": "int64"}}, "it reads the column 'fare' as int64, which is float32 now"),
    ],
)
def test_a_baseline_that_was_trained_on_something_else_is_unfit(whole, changes, why):
    assert logic.why_unfit(with_card(whole, **changes), TRIPS) == why


@pytest.mark.parametrize(
    ("signatures", "why"),
    [
        ([SERVING_DEFAULT], "it has no signature transform_labels"),
        ([TRANSFORM_LABELS], "it has no signature serving_default"),
        (["other"], "it has no signature serving_default and transform_labels"),
    ],
)
def test_a_baseline_without_the_signatures_is_unfit(tmp_path, signatures, why):
    assert logic.why_unfit(with_card(saved_model(tmp_path, *signatures)), TRIPS) == why


def test_a_baseline_without_a_card_is_unfit(tmp_path):
    model = saved_model(tmp_path, SERVING_DEFAULT, TRANSFORM_LABELS)
    assert logic.why_unfit(str(model), TRIPS) == (
        "it does not say what it was trained on (assets.extra/dataset.json is missing)"
    )


PLANTS = Dataset("plants", (Numeric("size"),), MulticlassLabel("kind", ("oak", "elm")), sample="p.csv", weight="seen")
TIDES = Series(time="at", value="level", inputs=8, outputs=3, season=4)
LEVELS = Dataset("levels", TIDES.features, TIDES.label, sample="l.csv", series=TIDES)


@pytest.mark.parametrize(
    ("dataset", "then", "why"),
    [
        (
            PLANTS,
            {"kind": "string (oak, ash)", "seen": "float32"},
            "it reads the column 'kind' as string (oak, ash), which is string (oak, elm) now",
        ),
        (PLANTS, {"kind": "string (oak, elm)"}, "it knows nothing of the example weight 'seen'"),
        (PLANTS, {"kind": "string (oak, elm)", "seen": "float32"}, None),
        (LEVELS, {"level": "float32[6]"}, "it reads the column 'level' as float32[6], which is float32[8] now"),
        (LEVELS, {"level_future": "float32"}, "it reads the column 'level_future' as float32, which is float32[3] now"),
        (LEVELS, {"level": "float32[8]", "level_future": "float32[3]"}, None),
    ],
)
def test_a_baseline_of_other_windows_classes_or_weights_does_not_fit(whole, dataset, then, why):
    changes = {"dataset": dataset.name, "task": dataset.task, "label": dataset.label.name, "columns": then}
    assert logic.why_unfit(with_card(whole, **changes), dataset) == why
