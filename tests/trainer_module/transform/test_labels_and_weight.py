"""Tables of rows before and after TFT, as the Transform node runs it: every kind of label, and the weight."""

import numpy as np
import pytest

from data import Dataset, ForecastLabel, MulticlassLabel, NumericLabel, RatioLabel, Window
from tests.support import transform
from trainer_module.heads import WEIGHT, label_scale
from trainer_module.transform import preprocess

NAN, INF = float("nan"), float("inf")
_ = None  # an empty cell, short so that the tables below are readable

# fare, tips, big_tipper
TIPS = [
    (10.00, 2.01, 1),
    (10.00, 1.99, 0),
    (_, 5, 0),
    (NAN, 5, 0),
    (INF, 5, 0),
    (10, _, 0),
    (10, NAN, 0),
    (10, INF, 0),
    (_, _, 0),
    (0, 1, 1),
    (0, 0, 0),
]
# (fare, tips): the tips are exactly one fifth. The last three rows are in the taxi sample.
FIFTHS = [(10, 2), (1, 0.2), (3, 0.6), (7.5, 1.5), (4.85, 0.97), (15.65, 3.13), (25.05, 5.01)]

SALES = Dataset(
    name="sales",
    sample="sales.csv",
    features=(Window("level", 3),),
    label=NumericLabel("price", log=True),
    weight="counts",
)
LABELS = (
    NumericLabel("amount"),
    NumericLabel("constant"),
    MulticlassLabel("colour", ("red", "green", "blue")),
    MulticlassLabel("grade", (7, 1, -3)),
    ForecastLabel("level", inputs=3, width=2),
    RatioLabel("big_tipper", numerator="tips", denominator="fare", threshold=0.2),
)
SALES_ON = {
    "level": [[1, 2, 4], [10, NAN, 12], [NAN, 5, 5], _, [NAN, NAN, INF], [7, 8]],
    "price": [0, np.expm1(2), np.expm1(4), -50, _, NAN],
    "counts": [1.5, 0, -2, _, NAN, INF],
    "amount": [10, 20, 30, _, NAN, INF],
    "constant": [7, 7, _, 7, 7, 7],
    "colour": ["green", "red", "blue", "Red", "", _],
    "grade": [1, 7, -3, 0, _, 1],
    "level_future": [[5, 6], [12, 9], [5, NAN], [1, 2], _, [8, 8]],
}
SALES_SERVED = {
    "level": [[100, 200, 300], _],
    "price": [np.expm1(3), _],
    "counts": [7, _],
    "amount": [-1, _],
    "constant": [9, _],
    "colour": ["blue", "purple"],
    "grade": [-3, 3],
    "level_future": [[300, 301], _],
}
# The last known value of each window "level", after its gaps are filled.
LAST_LEVELS = [4, 12, 5, NAN, NAN, 8]


def padded(table):
    """The table with empty cells added to its shorter columns, so that all columns have the same length."""
    height = max(len(values) for values in table.values())
    return {name: [*values, *[_] * (height - len(values))] for name, values in table.items()}


class Sales:
    """The transformed tables SALES_ON and SALES_SERVED, with TIPS and FIFTHS as additional columns."""

    def __init__(self, folder):
        columns = SALES.columns | {name: dtype for label in LABELS for name, dtype in label.columns}

        def rules(inputs):
            labels = {f"{label.name}.{k}": v for label in LABELS for k, v in preprocess.label(label, inputs).items()}
            return preprocess.preprocess(SALES, inputs) | labels

        tables = [
            padded(table | {"fare": [r[0] for r in tips], "tips": [r[1] for r in tips]})
            for table, tips in ((SALES_ON, TIPS), (SALES_SERVED, FIFTHS))
        ]
        transformed = transform.transform_tables(folder, columns, rules, *tables)
        self.big_tipper = [table.pop("big_tipper.big_tipper")[:, 0].tolist() for table in transformed]
        self.trained_on, self.served = (
            {name: values[: len(table["price"])] for name, values in outputs.items()}
            for table, outputs in zip((SALES_ON, SALES_SERVED), transformed, strict=True)
        )


@pytest.fixture(scope="module")
def sales(tmp_path_factory):
    return Sales(tmp_path_factory.mktemp("sales"))


def test_a_tip_above_the_threshold_makes_a_big_tipper(sales):
    assert sales.big_tipper[0] == [expected for _, _, expected in TIPS]


def test_missing_fare_is_not_a_big_tipper(sales):
    labels = dict(zip(((str(fare), str(tips)) for fare, tips, _ in TIPS), sales.big_tipper[0], strict=True))
    assert {fare: labels[fare, "5"] for fare in ("None", "nan", "inf")} == {"None": 0, "nan": 0, "inf": 0}


def test_a_tip_of_exactly_the_threshold_is_not_above_it(sales):
    assert dict(zip(FIFTHS, sales.big_tipper[1], strict=True)) == dict.fromkeys(FIFTHS, 0)


def test_a_class_is_its_index_and_any_other_value_is_minus_one(sales):
    assert sales.trained_on["colour.colour"].tolist() == [[1], [0], [2], [-1], [-1], [-1]]
    assert sales.trained_on["grade.grade"].tolist() == [[1], [0], [2], [-1], [-1], [1]]
    assert sales.served["colour.colour"].tolist() == [[2], [-1]]
    assert sales.served["grade.grade"].tolist() == [[2], [-1]]
    assert sales.served["grade.grade"].dtype.kind == "i"


def test_a_numeric_label_keeps_its_units_beside_offset_and_scale_of_the_training_rows(sales):
    for table, expected in ((sales.trained_on, [10, 20, 30, NAN, NAN, NAN]), (sales.served, [-1, NAN])):
        rows = len(expected)
        np.testing.assert_array_equal(table["amount.amount"][:, 0], expected)
        np.testing.assert_allclose(table[f"amount.{label_scale.OFFSET}"], [[20]] * rows, rtol=1e-6)
        np.testing.assert_allclose(table[f"amount.{label_scale.SCALE}"], [[(200 / 3) ** 0.5]] * rows, rtol=1e-6)


def test_offset_and_scale_of_a_label_with_log_are_those_of_the_logarithms(sales):
    logs = np.array([0, 2, 4, 0])  # a negative value counts as zero
    np.testing.assert_allclose(sales.trained_on["price"][:, 0], [*SALES_ON["price"][:4], NAN, NAN], rtol=1e-6)
    for table in (sales.trained_on, sales.served):
        np.testing.assert_allclose(table[label_scale.OFFSET], np.full_like(table["price"], logs.mean()), rtol=1e-6)
        np.testing.assert_allclose(table[label_scale.SCALE], np.full_like(table["price"], logs.std()), rtol=1e-6)


def test_a_constant_label_has_the_scale_one(sales):
    assert sales.trained_on[f"constant.{label_scale.SCALE}"].tolist() == [[1]] * 6
    assert sales.served[f"constant.{label_scale.OFFSET}"].tolist() == [[7]] * 2


def test_the_offset_of_a_future_is_the_last_known_value(sales):
    future = np.array([[5, 6], [12, 9], [5, NAN], [1, 2], [NAN, NAN], [8, 8]])
    last = np.array(LAST_LEVELS)[:, np.newaxis]
    unit = np.sqrt(np.nanmean((future - last) ** 2))
    np.testing.assert_array_equal(sales.trained_on["level_future.level_future"], future)
    np.testing.assert_array_equal(sales.trained_on[f"level_future.{label_scale.OFFSET}"], last)
    np.testing.assert_allclose(sales.trained_on[f"level_future.{label_scale.SCALE}"], [[unit]] * 6, rtol=1e-6)


def test_an_unknown_future_has_its_offset_and_scale(sales):
    np.testing.assert_array_equal(sales.served["level_future.level_future"], [[300, 301], [NAN, NAN]])
    np.testing.assert_array_equal(sales.served[f"level_future.{label_scale.OFFSET}"], [[300], [NAN]])
    trained_on = sales.trained_on[f"level_future.{label_scale.SCALE}"][0]
    np.testing.assert_array_equal(sales.served[f"level_future.{label_scale.SCALE}"][0], trained_on)


# Weights.


def test_a_missing_weight_is_one_and_a_negative_one_is_zero(sales):
    assert sales.trained_on[WEIGHT].tolist() == [[1.5], [0], [0], [1], [1], [1]]
    assert sales.served[WEIGHT].tolist() == [[7], [1]]
