"""The names of the served model's outputs."""

from data import TASKS
from trainer_module.serving.signatures import SERVED_PREDICTION


def test_every_task_has_an_output_with_its_prediction():
    assert SERVED_PREDICTION == {
        "binary_classification": "probability",
        "multiclass_classification": "probabilities",
        "regression": "prediction",
        "forecast": "prediction",
    }
    assert set(SERVED_PREDICTION) == set(TASKS)
