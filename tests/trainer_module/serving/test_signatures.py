"""The names of the served model are public: clients send them, and `docs/reference/signatures.md` lists them."""

from data import TASKS
from trainer_module.serving import signatures


def test_the_names_that_clients_use_do_not_change():
    names = {name: value for name, value in vars(signatures).items() if name.isupper() and isinstance(value, str)}
    assert names == {
        "SERVING_DEFAULT": "serving_default",
        "PREDICT_RAW": "predict_raw",
        "TRANSFORM_LABELS": "transform_labels",
        "EXAMPLES": "examples",
        "PROBABILITY": "probability",
        "PROBABILITIES": "probabilities",
        "PREDICTION": "prediction",
        "LABEL": "label",
    }
    assert len(set(names.values())) == len(names)


def test_every_task_has_an_output_with_its_prediction():
    assert signatures.SERVED_PREDICTION == {
        "binary_classification": signatures.PROBABILITY,
        "multiclass_classification": signatures.PROBABILITIES,
        "regression": signatures.PREDICTION,
        "forecast": signatures.PREDICTION,
    }
    assert set(signatures.SERVED_PREDICTION) == set(TASKS)
