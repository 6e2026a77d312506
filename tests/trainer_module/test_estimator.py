"""From a model's name to an Estimator: hyper-parameters, seeds, the names of variables."""

import random
import shutil

import numpy as np
import pytest
import tensorflow as tf

from data import discovery
from data.features import Bucketized, Categorical, Dataset, Label, Numeric, Vocabulary
from trainer_module import estimator as estimators
from trainer_module.metrics import LOGISTIC
from trainer_module.models import NAME as MODELS

MODEL_NAMES = discovery.names(MODELS)

FRUIT = Dataset(
    name="fruit",
    task="binary_classification",
    sample="fruit.csv",
    features=(Numeric("weight"), Bucketized("size", buckets=3), Vocabulary("colour", size=2), Categorical("crate", size=2)),
    label=Label("ripe"),
)
SMALL = {"hidden_units": "32", "embedding_dim": 2}


def rows():
    """Eight fruit a batch, for ever."""
    features = {f.name: tf.constant([[i % f.cardinality] for i in range(8)], tf.int64) for f in FRUIT.categorical}
    weight = tf.constant([[i / 4 - 1] for i in range(8)], tf.float32)
    labels = tf.constant([[float(i > 3)] for i in range(8)])
    return tf.data.Dataset.from_tensors(({"weight": weight, **features}, labels)).repeat()


def build(model, folder, seed=5):
    config = tf.estimator.RunConfig(
        model_dir=str(folder), tf_random_seed=seed, save_checkpoints_steps=1000, log_step_count_steps=1000
    )
    return estimators.build(FRUIT, model, estimators.hyperparameters(model, SMALL), config)


def trained(model, folder, seed=5):
    """Builds, trains one step. Returns the checkpoint: variable -> value."""
    built = build(model, folder, seed)
    built.train(rows, max_steps=1)
    return {name: built.get_variable_value(name) for name in built.get_variable_names()}


# Hyper-parameters.


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_without_overrides_every_hyper_parameter_has_its_default(model):
    hp = estimators.hyperparameters(model)
    assert hp.values == estimators.hyperparameters(model, {}).values
    assert set(hp.values) == {p.name for p in hp.space}
    assert all(hp.values[p.name] == p.default for p in hp.space)


def test_the_defaults_of_the_custom_model_are_what_its_file_says():
    assert estimators.hyperparameters("custom_wide_deep").values == {
        "learning_rate": 3e-3,
        "embedding_dim": 8,
        "hidden_units": "64-32",
        "dropout": 0.2,
    }


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("learning_rate", "0.01", 0.01),
        ("learning_rate", 0.01, 0.01),
        ("dropout", 0, 0.0),
        ("dropout", "0", 0.0),
        ("embedding_dim", "4", 4),
        ("embedding_dim", 4, 4),
        ("hidden_units", "32", "32"),
        ("hidden_units", 32, "32"),  # a number in TOML and on a command line, one layer in the search space
    ],
)
def test_an_override_takes_the_type_of_the_default(name, given, value):
    hp = estimators.hyperparameters("custom_wide_deep", {name: given})
    assert hp.get(name) == value
    assert type(hp.get(name)) is type(value)
    assert {k: v for k, v in hp.values.items() if k != name} == {
        k: v for k, v in estimators.hyperparameters("custom_wide_deep").values.items() if k != name
    }


def test_an_unknown_hyper_parameter_is_answered_with_the_known_ones():
    with pytest.raises(estimators.HyperParameterError) as error:
        estimators.hyperparameters("custom_wide_deep", {"learning_rat": 0.1})
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
def test_a_value_of_another_type_is_answered_with_what_it_should_look_like(name, value, expected):
    with pytest.raises(estimators.HyperParameterError) as error:
        estimators.hyperparameters("custom_wide_deep", {name: value})
    assert str(error.value) == (
        f"Hyper-parameter '{name}' of model 'custom_wide_deep' takes a value like {expected}. Received: {value!r}."
    )


def test_a_fraction_is_no_whole_number():
    with pytest.raises(estimators.HyperParameterError, match=r"embedding_dim.*Received: 8\.5"):
        estimators.hyperparameters("custom_wide_deep", {"embedding_dim": 8.5})


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
    """HyperParameterError: "a value that its search space does not contain"."""
    with pytest.raises(estimators.HyperParameterError, match=name):
        estimators.hyperparameters("custom_wide_deep", {name: value})


def test_an_unknown_model_is_answered_with_the_known_ones():
    with pytest.raises(discovery.UnknownNameError, match="Did you mean 'custom_wide_deep'") as error:
        estimators.hyperparameters("custom_wide_dep")
    for name in MODEL_NAMES:
        assert name in str(error.value)


# Building.


@pytest.fixture(scope="module", params=MODEL_NAMES)
def first(request, tmp_path_factory):
    """Returns a model's name, the folder of its first training in this process, and the variables of that training."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, folder, trained(request.param, folder)


def test_building_twice_in_one_process_gives_the_same_variables(first, tmp_path):
    model, _, one = first
    two = trained(model, tmp_path)
    assert list(one) == list(two)
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def test_another_seed_gives_other_weights(first, tmp_path):
    model, _, one = first
    other = trained(model, tmp_path, seed=6)
    assert list(one) == list(other)
    kernels = [n for n in one if n.endswith("kernel")]
    assert len(kernels) == 2
    # One step moves a weight by the learning rate, 0.003: what differs by more was drawn differently.
    for name in kernels:
        assert np.abs(one[name] - other[name]).max() > 0.05, name


def test_a_second_estimator_continues_the_checkpoint_of_the_first(first, tmp_path):
    model, folder, _ = first
    shutil.copytree(folder, tmp_path / "copy")
    second = build(model, tmp_path / "copy")
    second.train(rows, max_steps=3)
    assert second.get_variable_value("global_step") == 3


def test_every_model_predicts_a_probability(first):
    model, folder, _ = first
    predicted = list(build(model, folder).predict(lambda: rows().take(1).map(lambda features, label: features)))
    assert len(predicted) == 8
    assert all(p[LOGISTIC].shape == (1,) and 0 < p[LOGISTIC][0] < 1 for p in predicted)


def test_building_sets_the_seeds_of_the_process(tmp_path):
    drawn = []
    for seed in (11, 11, 12):
        build("custom_wide_deep", tmp_path / str(len(drawn)), seed)
        drawn.append((random.random(), np.random.random()))
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_without_a_seed_the_process_keeps_its_own(tmp_path):
    random.seed(1)
    expected = random.random()
    random.seed(1)
    build("custom_wide_deep", tmp_path, seed=None)
    assert random.random() == expected
