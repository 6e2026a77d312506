"""The median stopping rule: curves in, a decision out."""

import pytest

from trainer_module.tuning.stopping import best, median_rule

# The averages of these are 0.6, 0.7, 0.8 at every step from 10 on.
RIVALS = [[(10, v), (20, v), (30, v)] for v in (0.6, 0.7, 0.8)]


@pytest.mark.parametrize(
    ("curve", "stops"),
    [
        ([(50, 0.69)], True),
        ([(50, 0.7)], False),  # not strictly worse
        ([(40, 0.9), (50, 0.1)], False),  # its best counts
        ([(20, 0.1)], False),  # less than 30 of 100 steps
        ([(30, 0.1)], True),
        ([], False),
    ],
)
def test_what_is_worse_than_the_median_is_hopeless(curve, stops):
    assert bool(median_rule(curve, 100, RIVALS, "higher")) == stops


def test_of_a_loss_the_higher_is_worse():
    assert median_rule([(50, 0.71)], 100, RIVALS, "lower")
    assert not median_rule([(50, 0.69)], 100, RIVALS, "lower")


def test_the_others_are_compared_up_to_the_same_step():
    late = [[(30, 0.1), (100, 0.9)]] * 3
    assert not median_rule([(50, 0.2)], 100, late, "higher")
    assert median_rule([(50, 0.2), (100, 0.3)], 100, late, "higher")  # their averages are 0.5 by then


def test_three_others_are_needed_at_that_step():
    assert not median_rule([(50, 0.1)], 100, RIVALS[:2], "higher")
    assert not median_rule([(50, 0.1)], 100, [*RIVALS[:2], [(60, 0.9)]], "higher")


def test_the_reason_has_the_numbers():
    why = median_rule([(50, 0.12345)], 100, RIVALS, "higher")
    assert why == "stopped early: at step 50 its best was 0.1235, the median of 3 others 0.7"


def test_the_best_of_a_curve():
    assert best([(1, 2.0), (2, 1.0)], "higher") == 2.0
    assert best([(1, 2.0), (2, 1.0)], "lower") == 1.0
    assert best([], "lower") is None
