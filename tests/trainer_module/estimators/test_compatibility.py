"""Which models fit a dataset, and the error for a model that does not."""

import dataclasses

import pytest

from data import Dataset, Numeric, Text, discovery
from tests.support.estimator_datasets import FRUIT, KINDS, LEVELS, PRICES, REVIEWS
from trainer_module.estimators import compatibility, hyperparameters, keras_conversion
from trainer_module.models import NAME as MODELS

MODEL_NAMES = discovery.names(MODELS)


@pytest.mark.parametrize(
    ("dataset", "model", "reason"),
    [
        (FRUIT, "custom_wide_deep", None),
        (PRICES, "canned_linear", None),
        (KINDS, "keras_wide_deep", None),
        (LEVELS, "lstm_forecaster", None),
        (REVIEWS, "keras_sequence_classifier", None),
        (
            LEVELS,
            "canned_linear",
            "Dataset 'levels' is a forecast; model 'canned_linear' is for "
            "binary_classification, multiclass_classification, regression.",
        ),
        (FRUIT, "lstm_forecaster", "Dataset 'fruit' is a binary_classification; model 'lstm_forecaster' is for forecast."),
        (
            REVIEWS,
            "custom_wide_deep",
            "Dataset 'reviews' has a Text, 'said'; "
            "model 'custom_wide_deep' reads Numeric, Bucketized, Vocabulary, Categorical.",
        ),
        (
            FRUIT,
            "keras_sequence_classifier",
            "Dataset 'fruit' has a Numeric, 'weight'; model 'keras_sequence_classifier' reads Text.",
        ),
    ],
    ids=lambda v: v.name if isinstance(v, Dataset) else "fits" if v is None else "",
)
def test_a_model_fits_a_dataset_by_task_and_kinds_of_features(dataset, model, reason):
    assert compatibility.why_unfit(dataset, model) == reason
    if reason is None:
        compatibility.check(dataset, model)


def test_the_error_for_an_unfit_model_names_the_models_that_fit():
    with pytest.raises(compatibility.UnfitModelError) as error:
        compatibility.check(LEVELS, "canned_linear")
    reason, _, fitting = str(error.value).partition(" Models that fit: ")
    assert reason == compatibility.why_unfit(LEVELS, "canned_linear")
    assert fitting.endswith(".")
    assert fitting.rstrip(".").split(", ") == [m for m in MODEL_NAMES if not compatibility.why_unfit(LEVELS, m)]
    assert "lstm_forecaster" in fitting
    assert "canned_linear" not in fitting


def test_the_error_says_that_no_model_reads_the_dataset():
    both = dataclasses.replace(REVIEWS, features=(Text("said"), Numeric("length")))
    with pytest.raises(compatibility.UnfitModelError, match=r"has a Text, 'said'.* Models that fit: none yet\.$"):
        compatibility.check(both, "custom_wide_deep")


def test_a_model_that_names_no_tasks_fits_every_task_on_a_table(write_model):
    model = write_model("silent", "def search_space(hp):\n    pass\n\n\ndef build(dataset, hp, config):\n    pass\n")
    for dataset in (FRUIT, PRICES, KINDS):
        compatibility.check(dataset, model)
    assert "has a Window, 'level'" in compatibility.why_unfit(LEVELS, model)


def test_checking_a_model_checks_its_hyper_parameters():
    with pytest.raises(hyperparameters.HyperParameterError, match="no hyper-parameter 'depth'"):
        compatibility.check(FRUIT, "custom_wide_deep", {"depth": 3})


def test_checking_a_keras_model_file_checks_the_model(write_model):
    model = write_model(
        "strange",
        """
def search_space(hp):
    pass


def keras_model(dataset, hp):
    x = tf.keras.Input([1], name="price")
    model = tf.keras.Model(x, tf.keras.layers.Dense(1, name="predictions")(x))
    model.compile(tf.keras.optimizers.legacy.SGD(0.1), "mse")
    return model
""",
    )
    with pytest.raises(keras_conversion.KerasModelError, match="The dataset has no feature for the input 'price'"):
        compatibility.check(PRICES, model)
