"""AccuracySkill: zero for a model that knows nothing, in our arithmetic and through TFMA's evaluator."""

import math

import pandas as pd
import pytest
import tensorflow_model_analysis as tfma

from components.metrics import skill

LABELS = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0]  # the majority's share: 0.75
PREDICTIONS = {
    "always_0": [0.2] * 8,
    "always_1": [0.8] * 8,
    "perfect": LABELS,
    "one_wrong": [0.1, 0.1, 0.1, 0.1, 0.1, 0.9, 0.9, 0.9],
    "inverted": [1.0 - y for y in LABELS],
}
SKILLS = {"always_0": 0.0, "always_1": -0.5, "perfect": 0.25, "one_wrong": 0.125, "inverted": -0.75}


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
    assert skill.AccuracySkill().result(**counts) == pytest.approx(expected)


def test_skill_without_rows_is_not_a_number():
    assert math.isnan(skill.AccuracySkill().result(0, 0, 0, 0))


def evaluate(data: pd.DataFrame, **model_spec: str) -> dict[str, float]:
    """Returns slice value ("overall" for all) -> skill, as TFMA computes it from a configuration such as ours."""
    config = tfma.EvalConfig(
        model_specs=[tfma.ModelSpec(label_key="label", prediction_key="prediction", **model_spec)],
        slicing_specs=[tfma.SlicingSpec(), tfma.SlicingSpec(feature_keys=["model"])],
        metrics_specs=[
            tfma.MetricsSpec(metrics=[tfma.MetricConfig(class_name=skill.AccuracySkill.__name__, module=skill.__name__)])
        ],
    )
    result = tfma.analyze_raw_data(data, config)
    return {
        (key[0][1] if key else "overall"): metrics[""][""][skill.ACCURACY_SKILL]["doubleValue"]
        for key, metrics in result.slicing_metrics
    }


def test_tfma_computes_the_skill_of_every_slice():
    frames = [pd.DataFrame({"model": name, "label": LABELS, "prediction": p}) for name, p in PREDICTIONS.items()]
    skills = evaluate(pd.concat(frames, ignore_index=True))
    assert skills.pop("overall") == pytest.approx((6 + 2 + 8 + 7 + 0) / 40 - 0.75)
    assert skills == pytest.approx(SKILLS)


def test_tfma_weights_the_majority_too():
    # Weighted, the ones are the majority: 10 of 16.
    data = pd.DataFrame(
        {"model": "always_1", "label": LABELS, "prediction": 0.8, "weight": [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 5.0, 5.0]}
    )
    assert evaluate(data, example_weight_key="weight")["overall"] == pytest.approx(0.0)
