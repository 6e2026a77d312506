"""Hyper-parameters: the defaults of a search space, and what a user may set."""

import pytest

from data import discovery
from trainer_module.estimators import hyperparameters
from trainer_module.models import NAME as MODELS

MODEL_NAMES = discovery.names(MODELS)


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_without_overrides_every_hyper_parameter_has_its_default(model):
    hp = hyperparameters.resolve(model)
    assert hp.values == hyperparameters.resolve(model, {}).values
    assert set(hp.values) == {p.name for p in hp.space}
    assert all(hp.values[p.name] == p.default for p in hp.space)


def test_the_defaults_of_the_custom_model_are_those_in_its_file():
    assert hyperparameters.resolve("custom_wide_deep").values == {
        "learning_rate": 3e-3,
        "embedding_dim": 8,
        "hidden_units": "64-32",
        "dropout": 0.2,
    }


@pytest.mark.parametrize(
    ("name", "override", "value"),
    [
        ("learning_rate", "0.01", 0.01),
        ("learning_rate", 0.01, 0.01),
        ("dropout", 0, 0.0),
        ("dropout", "0", 0.0),
        ("embedding_dim", "4", 4),
        ("embedding_dim", 4, 4),
        ("hidden_units", "32", "32"),
        ("hidden_units", 32, "32"),  # TOML and the command line give a number; the search space has text: one layer
    ],
)
def test_an_override_takes_the_type_of_the_default(name, override, value):
    hp = hyperparameters.resolve("custom_wide_deep", {name: override})
    assert hp.get(name) == value
    assert type(hp.get(name)) is type(value)
    assert {k: v for k, v in hp.values.items() if k != name} == {
        k: v for k, v in hyperparameters.resolve("custom_wide_deep").values.items() if k != name
    }


@pytest.fixture
def model_with_boolean(tmp_path, monkeypatch):
    """The name of a model with one Boolean hyper-parameter, `wide`."""
    (tmp_path / "switched").mkdir()
    (tmp_path / "switched" / "model.py").write_text("def search_space(hp):\n    hp.Boolean('wide', default=True)\n")
    monkeypatch.syspath_prepend(tmp_path)
    return "switched.model"


@pytest.mark.parametrize(
    ("override", "value"),
    [("false", False), ("False", False), ("0", False), (0, False), (False, False), ("true", True), ("1", True), (True, True)],
)
def test_a_boolean_is_read_from_words_and_numbers(model_with_boolean, override, value):
    assert hyperparameters.resolve(model_with_boolean, {"wide": override}).values["wide"] is value


@pytest.mark.parametrize("override", ["perhaps", "", 2, None])
def test_a_boolean_that_is_neither_true_nor_false_is_refused(model_with_boolean, override):
    with pytest.raises(hyperparameters.HyperParameterError, match=f"'wide' of .* takes true or false. Received: {override!r}"):
        hyperparameters.resolve(model_with_boolean, {"wide": override})


def test_the_error_for_an_unknown_hyper_parameter_names_the_known_ones():
    with pytest.raises(hyperparameters.HyperParameterError) as error:
        hyperparameters.resolve("custom_wide_deep", {"learning_rat": 0.1})
    assert str(error.value) == (
        "Model 'custom_wide_deep' has no hyper-parameter 'learning_rat'. "
        "It has: dropout, embedding_dim, hidden_units, learning_rate."
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("learning_rate", "fast", "0.003"),
        ("embedding_dim", "8.5", "8"),
        ("embedding_dim", "", "8"),
    ],
)
def test_the_error_for_a_value_of_another_type_shows_an_example(name, value, expected):
    with pytest.raises(hyperparameters.HyperParameterError) as error:
        hyperparameters.resolve("custom_wide_deep", {name: value})
    assert str(error.value) == (
        f"Hyper-parameter '{name}' of model 'custom_wide_deep' takes a value like {expected}. Received: {value!r}."
    )


def test_a_fraction_is_refused_where_a_whole_number_is_needed():
    with pytest.raises(hyperparameters.HyperParameterError, match=r"embedding_dim.*Received: 8\.5"):
        hyperparameters.resolve("custom_wide_deep", {"embedding_dim": 8.5})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_units", "many"),
        ("hidden_units", "64-0"),
        ("dropout", 1.5),
        ("learning_rate", -1),
        ("learning_rate", "nan"),
        ("embedding_dim", 0),
    ],
)
def test_a_value_outside_the_search_space_is_refused(name, value):
    """The error names the hyper-parameter."""
    with pytest.raises(hyperparameters.HyperParameterError, match=name):
        hyperparameters.resolve("custom_wide_deep", {name: value})


def test_the_error_for_an_unknown_model_names_the_known_ones():
    with pytest.raises(discovery.UnknownNameError, match="Did you mean 'custom_wide_deep'") as error:
        hyperparameters.resolve("custom_wide_dep")
    for name in MODEL_NAMES:
        assert name in str(error.value)
