"""The inputs of the served model: windows, optional columns, rows without any value, empty batches."""

import numpy as np
import pytest
import tensorflow as tf

from tests.support.serving_bench import HOUSES, NAN, QUICK, SIZES, WINDOWS, examples, raw
from trainer_module.serving.signatures import PREDICT_RAW, PREDICTION, PROBABILITY, SERVING_DEFAULT


def test_a_window_and_a_forecast_are_served_with_their_lengths(served):
    signature = served["levels"][PREDICT_RAW]
    inputs = {name: (spec.dtype, spec.shape.as_list()) for name, spec in signature.structured_input_signature[1].items()}
    assert inputs == {"level": (tf.float64, [None, 3]), "rain": (tf.float64, [None, 3])}
    assert {name: spec.shape.as_list() for name, spec in signature.structured_outputs.items()} == {PREDICTION: [None, 2]}
    assert served["prices"][PREDICT_RAW].structured_outputs[PREDICTION].shape.as_list() == [None]


def test_serving_needs_neither_label_nor_weight(served):
    rows = WINDOWS | {"level_future": [[1.0, 2.0], [3.0, 4.0]], "copies": [0.5, 0.0]}
    with_them = served["levels"][SERVING_DEFAULT](examples=examples(rows))
    np.testing.assert_array_equal(
        with_them[PREDICTION], served["levels"][SERVING_DEFAULT](examples=examples(WINDOWS))[PREDICTION]
    )


@pytest.mark.parametrize("columns", [{"area": [1.0, 2.0], "street": ["a"]}, {"area": [1.0], "street": ["a", "b"]}])
def test_columns_of_different_lengths_are_refused(served, columns):
    with pytest.raises(tf.errors.InvalidArgumentError, match="The columns must have the same number of values: area, street"):
        served["prices"][PREDICT_RAW](**raw(columns))


@pytest.mark.parametrize(
    ("name", "rows", "needed"),
    [
        ("levels", {"level": [[1.0, 2.0, 3.0], [NAN] * 3], "rain": [[1.0, 1.0, 1.0], [NAN] * 3]}, "level, rain"),
        ("prices", {"area": [1.0, NAN], "street": ["a", ""]}, "area, street"),
    ],
)
def test_the_error_for_a_row_without_any_value_names_the_columns(served, name, rows, needed):
    message = f"A row has no value at all. It needs at least one of: {needed}."
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        served[name][SERVING_DEFAULT](examples=examples(rows))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        served[name][PREDICT_RAW](**raw(rows))
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        served[name][SERVING_DEFAULT](examples=tf.constant([b""]))


@pytest.mark.parametrize("name", ["levels", "prices", "kinds"])
def test_an_empty_batch_has_an_empty_answer(served, name):
    columns = {"levels": WINDOWS, "prices": HOUSES, "kinds": SIZES}[name]
    no_rows = {k: v[:0] for k, v in raw(columns).items()}
    for answer in (
        served[name][SERVING_DEFAULT](examples=tf.constant([], tf.string)),
        served[name][PREDICT_RAW](**no_rows),
    ):
        assert {output.shape[0] for output in answer.values()} == {0}


@pytest.mark.parametrize("exported", QUICK[:1], indirect=True)
def test_a_dataset_without_a_rule_for_empty_rows_predicts_for_a_row_without_any_value(exported):
    _, saved_model = exported
    signatures = tf.saved_model.load(saved_model).signatures
    answers = [
        signatures[SERVING_DEFAULT](examples=tf.constant([b""])),
        signatures[PREDICT_RAW](**raw({"weight": [NAN], "size": [NAN], "colour": [""], "crate": [NAN]})),
    ]
    probabilities = [float(answer[PROBABILITY]) for answer in answers]
    assert 0 < probabilities[0] < 1
    assert probabilities[0] == pytest.approx(probabilities[1])
