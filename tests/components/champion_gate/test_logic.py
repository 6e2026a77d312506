"""Whether there is anything to judge."""

import pytest

from components.champion_gate import logic


def test_the_champion_that_is_served_is_nothing_new():
    decision = logic.decide(model="a", champion="a", served="a", served_at="/serving/7")
    assert decision.decision == "unchanged"
    assert not decision.passed
    assert "/serving/7" in decision.why


def test_an_older_model_that_was_pushed_again_is_nothing_new_either():
    """TFX's latest blessed model is the one trained last, here "b"."""
    assert logic.decide(model="a", champion="b", served="a", served_at="/serving/7").decision == "unchanged"


@pytest.mark.parametrize(
    ("model", "champion", "served", "why"),
    [
        ("a", None, None, "There is no blessed model yet: this is the first candidate."),
        ("b", "a", "a", "The model differs from the latest blessed one."),
        ("b", "a", "c", "The model differs from the latest blessed one."),
        ("a", "a", None, "The model is the latest blessed one, but it is not the one being served."),
        ("a", "a", "b", "The model is the latest blessed one, but it is not the one being served."),
    ],
)
def test_everything_else_is_judged(model, champion, served, why):
    decision = logic.decide(model, champion, served, served_at="/serving/7" if served else None)
    assert decision.passed
    assert decision.why == why


def test_models_without_identity_are_not_taken_for_one_another():
    assert logic.decide(model=None, champion=None, served=None, served_at="/serving/7").passed
