"""The gate stops a run whose model is already served, because nothing is new to evaluate."""

import pytest

from components.champion_gate import logic


def test_the_champion_is_unchanged_if_it_is_served():
    decision = logic.decide(model="a", champion="a", served="a", served_at="/serving/7")
    assert decision.decision == "unchanged"
    assert not decision.passed
    assert "/serving/7" in decision.why


def test_an_older_model_is_unchanged_if_it_is_served_again():
    """For TFX, the latest blessed model is the one that was trained last, here "b"."""
    assert logic.decide(model="a", champion="b", served="a", served_at="/serving/7").decision == "unchanged"


@pytest.mark.parametrize(
    ("model", "champion", "served", "reason"),
    [
        ("a", None, None, "There is no blessed model yet: this is the first candidate."),
        ("b", "a", "a", "The model differs from the latest blessed one."),
        ("b", "a", "c", "The model differs from the latest blessed one."),
        ("a", "a", None, "The model is the latest blessed one, but it is not served."),
        ("a", "a", "b", "The model is the latest blessed one, but it is not served."),
    ],
)
def test_every_other_model_passes_to_the_evaluation(model, champion, served, reason):
    decision = logic.decide(model, champion, served, served_at="/serving/7" if served else None)
    assert decision.passed
    assert decision.why == reason


def test_two_models_without_identity_do_not_count_as_the_same():
    assert logic.decide(model=None, champion=None, served=None, served_at="/serving/7").passed
