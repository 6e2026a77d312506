"""Labels that no model can train on, and the problem that is reported for each."""

import pyarrow as pa
import pytest

from components.csv_files.labels import UnusableLabel, first_unusable
from data import BinaryLabel, MulticlassLabel, NumericLabel, RatioLabel


def batch(*labels, dtype):
    return pa.RecordBatch.from_pydict({"size": pa.array([1.0] * len(labels)), "kind": pa.array(labels, dtype)})


@pytest.mark.parametrize(
    ("label", "dtype", "good", "bad", "problem"),
    [
        (BinaryLabel("kind"), pa.float32(), (0, 1), 2, "the label '2.0' is not 0 or 1. Correct it"),
        (
            BinaryLabel("kind", dtype="int64"),
            pa.int64(),
            (0, 1),
            None,
            "the label is missing. Every row needs 0 or 1: ",
        ),
        (
            MulticlassLabel("kind", ("oak", "elm")),
            pa.string(),
            ("oak", "elm"),
            "ash",
            "the label 'ash' is not one of oak, elm.",
        ),
        (MulticlassLabel("kind", (3, 5)), pa.int64(), (3, 5), 4, "the label '4' is not one of 3, 5."),
        (
            MulticlassLabel("kind", ("oak", "elm")),
            pa.string(),
            ("oak", "elm"),
            None,
            "the label is missing. Every row needs one of oak",
        ),
        (NumericLabel("kind"), pa.float32(), (1.5, -2), None, "the label is missing. Every row needs a number"),
        (NumericLabel("kind"), pa.float32(), (1.5, -2), float("inf"), "the label 'inf' is not a number."),
        (NumericLabel("kind"), pa.float32(), (1.5, -2), float("nan"), "the label 'nan' is not a number."),
    ],
)
def test_the_first_row_without_a_usable_label_is_named(label, dtype, good, bad, problem):
    assert first_unusable(batch(*good, dtype=dtype), label) is None
    unusable = first_unusable(batch(*good, bad, *good, bad, dtype=dtype), label)
    assert isinstance(unusable, UnusableLabel)
    assert (unusable.row, unusable.column) == (2, "kind")
    assert unusable.problem.startswith(problem)
    assert unusable.problem.endswith("leave the row out.")


def test_a_label_that_is_computed_from_columns_is_always_usable():
    label = RatioLabel("generous", numerator="tip", denominator="fare", threshold=0.2)
    assert first_unusable(batch(None, dtype=pa.float32()), label) is None
