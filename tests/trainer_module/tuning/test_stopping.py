"""The median stopping rule: curves -> the reason to stop a trial, or None."""

import pytest

from trainer_module.tuning.stopping import best, median_rule

# Their running averages are 0.6, 0.7 and 0.8 at every step from 10 on.
OTHER_CURVES = [[(10, v), (20, v), (30, v)] for v in (0.6, 0.7, 0.8)]


@pytest.mark.parametrize(
    ("curve", "stops"),
    [
        ([(50, 0.69)], True),
        ([(50, 0.7)], False),  # not strictly worse
        ([(40, 0.9), (50, 0.1)], False),  # its best value counts
        ([(20, 0.1)], False),  # less than 30 of 100 steps
        ([(30, 0.1)], True),
        ([], False),
    ],
)
def test_a_trial_stops_if_its_best_value_is_worse_than_the_median(curve, stops):
    assert bool(median_rule(curve, 100, OTHER_CURVES, "higher")) == stops


def test_for_a_loss_a_higher_value_is_worse():
    assert median_rule([(50, 0.71)], 100, OTHER_CURVES, "lower")
    assert not median_rule([(50, 0.69)], 100, OTHER_CURVES, "lower")


def test_the_averages_of_the_others_end_at_the_same_step():
    late = [[(30, 0.1), (100, 0.9)]] * 3
    assert not median_rule([(50, 0.2)], 100, late, "higher")
    assert median_rule([(50, 0.2), (100, 0.3)], 100, late, "higher")  # at step 100 their averages are 0.5


def test_three_others_are_needed_at_that_step():
    assert not median_rule([(50, 0.1)], 100, OTHER_CURVES[:2], "higher")
    assert not median_rule([(50, 0.1)], 100, [*OTHER_CURVES[:2], [(60, 0.9)]], "higher")


def test_the_reason_names_the_values():
    reason = median_rule([(50, 0.12345)], 100, OTHER_CURVES, "higher")
    assert reason == "stopped early: at step 50 its best value was 0.1235, the median of 3 others 0.7"


def test_the_best_value_of_a_curve_depends_on_the_direction():
    assert best([(1, 2.0), (2, 1.0)], "higher") == 2.0
    assert best([(1, 2.0), (2, 1.0)], "lower") == 1.0
    assert best([], "lower") is None
