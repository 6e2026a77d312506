"""The skill of classifiers is zero for a constant model. Tested alone and in the evaluator of TFMA."""

import dataclasses
import math

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

from components.metrics.classification import AccuracySkill, MulticlassSkill
from data import TASKS, BinaryLabel, Bound, Dataset, MulticlassLabel, Numeric, Vocabulary
from data import metric_names as names
from tests.support.evaluation import evaluate_rows

LABELS = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]  # the share of the majority is 0.75
PREDICTIONS = {
    "always_0": [0.2] * 8,
    "always_1": [0.8] * 8,
    "perfect": LABELS,
    "one_wrong": [0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9],
    "inverted": [1.0 - y for y in LABELS],
}
SKILLS = {"always_0": 0.0, "always_1": -0.5, "perfect": 0.25, "one_wrong": 0.125, "inverted": -0.75}


# Two classes.


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"tp": 0, "tn": 75, "fp": 0, "fn": 25}, 0.0),
        ({"tp": 75, "tn": 0, "fp": 25, "fn": 0}, 0.0),
        ({"tp": 25, "tn": 75, "fp": 0, "fn": 0}, 0.25),
        ({"tp": 25, "tn": 65, "fp": 10, "fn": 0}, 0.15),
        ({"tp": 25, "tn": 0, "fp": 75, "fn": 0}, -0.5),
        ({"tp": 0.5, "tn": 1.0, "fp": 0.5, "fn": 0.0}, 0.0),
    ],
    ids=["constant 0", "constant 1, the majority", "perfect", "better", "worse than constant", "weighted"],
)
def test_skill_is_accuracy_above_the_share_of_the_majority(counts, expected):
    assert AccuracySkill().result(**counts) == pytest.approx(expected)


def test_skill_without_rows_is_nan():
    assert math.isnan(AccuracySkill().result(0, 0, 0, 0))


BINARY = Dataset(
    name="binary", sample="", features=(Vocabulary("model"),), label=BinaryLabel("label"), slices=("model",), bounds=()
)


def test_tfma_computes_the_skill_of_every_slice(tmp_path):
    models = [name for name in PREDICTIONS for _ in LABELS]
    scores = [p for predictions in PREDICTIONS.values() for p in predictions]
    result = evaluate_rows(tmp_path, BINARY, LABELS * len(PREDICTIONS), scores, features={"model": models})
    skills = {name: metrics[names.ACCURACY_SKILL] for name, metrics in result.metrics.items()}
    assert skills.pop("overall") == pytest.approx((6 + 2 + 8 + 7 + 0) / 40 - 0.75)
    assert skills == pytest.approx(SKILLS)


def test_tfma_weights_the_majority_too(tmp_path):
    # With weights, the ones are the majority: 10 of 16.
    weighted = dataclasses.replace(BINARY, weight="copies", slices=())
    result = evaluate_rows(
        tmp_path, weighted, LABELS, PREDICTIONS["always_1"], weights=[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 5.0, 5.0]
    )
    assert result.metrics["overall"][names.ACCURACY_SKILL] == pytest.approx(0.0)


# Several classes.

FRUIT = Dataset(
    name="fruit",
    sample="",
    features=(Numeric("weight"), Vocabulary("market")),
    label=MulticlassLabel("kind", ("apple", "pear", "plum")),
    slices=("market",),
    bounds=(),
)
KINDS = np.array([0, 0, 0, 1, 2, 1, 0, 0])
MARKETS = ["old", "old", "old", "old", "new", "new", "new", "new"]
SCORES = np.array(
    [
        [0.6, 0.3, 0.1],
        [0.2, 0.5, 0.3],
        [0.4, 0.3, 0.3],
        [0.1, 0.8, 0.1],
        [0.3, 0.4, 0.3],
        [0, 1, 0],
        [0.9, 0.1, 0],
        [0, 0.5, 0.5],
    ]
)
WEIGHTS = np.array([1, 2, 0.5, 1, 3, 1, 0, 1])


def evaluate(folder, scores=SCORES, weights=None, bounds=()):
    dataset = dataclasses.replace(FRUIT, bounds=bounds, weight=None if weights is None else "copies")
    return evaluate_rows(folder, dataset, KINDS, scores, features={"market": MARKETS}, weights=weights)


def expected(scores=SCORES, rows=slice(None), weights=None):
    """The metrics of some rows by scikit-learn. A probability of 0 counts as 1e-7, as in Keras."""
    kinds, probabilities = KINDS[rows], np.clip(scores[rows], 1e-7, 1 - 1e-7)
    w = np.ones(len(kinds)) if weights is None else weights[rows]
    accuracy = accuracy_score(kinds, scores[rows].argmax(axis=1), sample_weight=w)
    return {
        names.ACCURACY: accuracy,
        names.ACCURACY_SKILL: accuracy - max(np.average(kinds == kind, weights=w) for kind in range(3)),
        names.CROSS_ENTROPY: -np.average(np.log(probabilities[np.arange(len(kinds)), kinds]), weights=w),
    }


def task_metrics(metrics):
    return {k: metrics[k] for k in (names.ACCURACY, names.ACCURACY_SKILL, names.CROSS_ENTROPY)}


def test_metrics_of_several_classes_are_computed_by_slice_and_bounded_overall(tmp_path):
    bounds = (
        Bound(names.ACCURACY_SKILL, at_least=0.3),
        Bound(names.ACCURACY, at_least=0.6),
        Bound(names.CROSS_ENTROPY, at_most=3),
    )
    result = evaluate(tmp_path, bounds=bounds)
    assert task_metrics(result.metrics["overall"]) == pytest.approx(expected(), rel=1e-6)
    assert task_metrics(result.metrics["overall"])[names.ACCURACY] == 5 / 8
    assert task_metrics(result.metrics["old"]) == pytest.approx(expected(rows=slice(0, 4)), rel=1e-6)
    assert task_metrics(result.metrics["new"]) == pytest.approx(expected(rows=slice(4, 8)), rel=1e-6)
    assert not result.validation.validation_ok
    [validation] = result.validation.metric_validations_per_slice
    assert [f.metric_key.name for f in validation.failures] == [names.ACCURACY_SKILL]
    assert not validation.slice_key.single_slice_keys


def test_weights_count_for_the_rows_and_the_majority(tmp_path):
    softer = (SCORES + 0.1) / 1.3
    metrics = evaluate(tmp_path, scores=softer, weights=WEIGHTS).metrics["overall"]
    assert task_metrics(metrics) == pytest.approx(expected(softer, weights=WEIGHTS), rel=1e-6)
    assert metrics[names.CROSS_ENTROPY] == pytest.approx(log_loss(KINDS, softer, sample_weight=WEIGHTS), rel=1e-6)


def test_a_model_that_always_predicts_the_majority_has_no_skill():
    metric = MulticlassSkill(names.ACCURACY_SKILL)
    sums = sum(np.array([*metric.terms(np.array([kind]), np.array([0.5, 0.3, 0.2]), {})]) for kind in KINDS)
    values = metric.values(len(KINDS), sums)
    assert (values[names.ACCURACY], values[names.ACCURACY_SKILL]) == (5 / 8, 0)


def test_every_metric_of_the_task_has_a_value():
    assert set(MulticlassSkill("any").values(1.0, np.ones(5))) == set(TASKS["multiclass_classification"].metrics)


def test_scores_are_divided_by_their_sum():
    metric = MulticlassSkill(names.CROSS_ENTROPY)
    right, cross_entropy, *kind = metric.terms(np.array([1.0]), np.array([2.0, 6.0, 2.0]), {})
    assert right
    assert cross_entropy == pytest.approx(-math.log(0.6))
    assert kind == [0, 1, 0]


def test_accumulators_add_up_and_an_empty_one_gives_nan():
    shared, derived = MulticlassSkill(names.ACCURACY).computations(example_weighted=False)
    combiner = shared.combiner
    [key] = derived.keys
    accumulators = [np.array([2.0, 1, 0.7, 2, 0, 0]), 0.0, np.array([2.0, 2, 0.1, 0, 1, 1])]
    assert derived.result(combiner.extract_output(combiner.merge_accumulators(accumulators))) == {key: 3 / 4}
    assert math.isnan(derived.result(combiner.extract_output(combiner.create_accumulator()))[key])
