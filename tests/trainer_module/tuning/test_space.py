"""The space of a search: the space of the model without the values that the user fixed."""

import keras_tuner as kt
import pytest

from trainer_module.estimators import hyperparameters
from trainer_module.tuning import space


def names(hp):
    return {p.name: type(p).__name__ for p in hp.space}


def test_a_fixed_value_is_not_searched_and_has_the_type_of_the_model():
    hp = space.searched("toy.peak", {"units": "4"})
    assert names(hp) == {"x": "Float", "units": "Fixed", "kind": "Choice"}
    assert hp.get("units") == 4


def search_space(hp):
    hp.Choice("kind", ["plain", "deep"])
    with hp.conditional_scope("kind", ["deep"]):
        hp.Int("layers", 1, 5)
    hp.Float("rate", 0.1, 1.0)


def test_a_conditional_hyper_parameter_can_be_fixed():
    hp = space.searched(__name__, {"layers": 3})
    assert names(hp) == {"kind": "Choice", "layers": "Fixed", "rate": "Float"}
    [fixed] = [p for p in hp.space if p.name == "layers"]
    assert (fixed.value, len(fixed.conditions)) == (3, 1)


def test_a_value_that_the_model_does_not_have_is_refused():
    with pytest.raises(hyperparameters.HyperParameterError, match="has no hyper-parameter 'depth'"):
        space.searched("toy.peak", {"depth": 3})


def test_a_space_without_a_free_hyper_parameter_is_refused():
    with pytest.raises(space.NothingToSearchError) as error:
        space.searched("toy.peak", {"x": 0.5, "units": 4, "kind": "a"})
    assert "fixes kind, units, x. Leave one out there, or run without --tune." in str(error.value)


def test_values_outside_their_range_are_clipped():
    """KerasTuner 1.4.8 exceeds the upper end of a range, and Bayesian optimisation often tries that end."""
    hp = kt.HyperParameters()
    hp.Int("units", 2, 32, sampling="log")
    hp.Float("rate", 1e-4, 3e-2, sampling="log")
    hp.Choice("kind", ["a", "b"])
    ends = {p.name: p.prob_to_value(1.0) for p in hp.space}
    assert (ends["units"], ends["rate"] > 3e-2) == (33, True)
    assert space.clip_to_space(hp, ends) == {"units": 32, "rate": 3e-2, "kind": "b"}


def test_model_values_leave_out_those_of_the_tuner():
    assert space.model_values({"x": 1, "tuner/epochs": 3, "tuner/trial_id": "0"}) == {"x": 1}
