"""The split of each row of a batch, and its encoding as an example."""

import math

import pyarrow as pa
import pytest
import tensorflow as tf
from tfx_bsl.coders import example_coder

from components.csv_example_gen import logic
from components.csv_files import reader
from tests.support.trips import HEADER, TRIPS


def examples(path: str) -> list[dict[str, list]]:
    encoder = example_coder.RecordBatchToExamplesEncoder()
    serialised = [e for batch in reader.read(path, TRIPS) for e in encoder.encode(logic.as_lists(batch))]
    return [values(tf.train.Example.FromString(e)) for e in serialised]


def values(example: tf.train.Example) -> dict[str, list]:
    kinds = {name: f.WhichOneof("kind") for name, f in example.features.feature.items()}
    return {name: list(getattr(example.features.feature[name], kind).value) for name, kind in kinds.items() if kind}


def test_rows_become_examples(write_file):
    assert examples(write_file(HEADER + "1.5,60,Café,0\n2,-1,Card,1\n")) == [
        {"fare": [1.5], "seconds": [60], "payment": ["Café".encode()], "tip": [0.0]},
        {"fare": [2.0], "seconds": [-1], "payment": [b"Card"], "tip": [1.0]},
    ]


def test_a_missing_value_becomes_a_null_list(write_file):
    (batch,) = reader.read(write_file(HEADER + "1.5,,Cash,0\n,60,,1\n"), TRIPS)
    assert [tuple(row.values()) for row in logic.as_lists(batch).to_pylist()] == [
        ([1.5], None, [b"Cash"], [0.0]),
        (None, [60], None, [1.0]),
    ]


@pytest.mark.parametrize(
    "missing",
    [[0], [1], [2], [3], [0, 2], [3, 0, 1], [0, 1, 2, 3]],
)
def test_a_missing_value_is_absent_from_its_example(write_file, missing):
    cells = [("1.5", "60", "Cash", "1") if i not in missing else ("", "", "", "1") for i in range(4)]
    decoded = examples(write_file(HEADER + "".join(",".join(c) + "\n" for c in cells)))
    for number, example in enumerate(decoded):
        is_missing = number in missing
        assert example.get("fare", []) == ([] if is_missing else [1.5])
        assert example.get("seconds", []) == ([] if is_missing else [60])
        assert example.get("payment", []) == ([] if is_missing else [b"Cash"])
        assert example["tip"] == [1.0]


# Splits.


SHARES = {"train": 7, "eval": 3}


def batch(count: int = 2000) -> pa.RecordBatch:
    numbers = range(count)
    return pa.RecordBatch.from_pydict(
        {
            "fare": pa.array([i / 4 if i % 5 else None for i in numbers], pa.float32()),
            "seconds": pa.array(numbers, pa.int64()),
            "payment": pa.array(["Cash", None, "Card", "Café"] * (count // 4), pa.string()),
        }
    )


def test_every_row_gets_one_split():
    splits = logic.splits_of(batch(), SHARES)
    assert len(splits) == 2000
    assert set(splits) == {"train", "eval"}


def test_the_shares_of_the_splits_are_close_to_those_of_their_buckets():
    assert math.isclose(logic.splits_of(batch(20_000), SHARES).count("eval") / 20_000, 0.3, abs_tol=0.01)
    assert math.isclose(logic.splits_of(batch(20_000), {"a": 1, "b": 1, "c": 2}).count("c") / 20_000, 0.5, abs_tol=0.01)


def test_the_split_of_a_row_is_the_same_in_every_process():
    # The expected splits are pinned: another result would change every evaluation split in use.
    assert [s[0] for s in logic.splits_of(batch(20), SHARES)] == list("tttetettttetettttttt")


def test_equal_rows_are_in_the_same_split():
    twice = pa.concat_tables([pa.Table.from_batches([batch(100)])] * 2).combine_chunks().to_batches()[0]
    splits = logic.splits_of(twice, SHARES)
    assert splits[:100] == splits[100:]


def test_the_split_of_a_row_does_not_depend_on_the_size_of_batches():
    whole = batch(100)
    pieces = [whole.slice(start, 7) for start in range(0, 100, 7)]
    assert [s for piece in pieces for s in logic.splits_of(piece, SHARES)] == logic.splits_of(whole, SHARES)


def test_the_split_of_a_row_does_not_depend_on_the_order_of_columns():
    whole = batch(100)
    other = pa.RecordBatch.from_arrays(whole.columns[::-1], whole.schema.names[::-1])
    assert logic.splits_of(other, SHARES) == logic.splits_of(whole, SHARES)


def test_the_split_of_a_row_depends_on_every_column():
    whole = batch(1000)
    for i, name in enumerate(whole.schema.names):
        columns = [pa.nulls(1000, c.type) if j == i else c for j, c in enumerate(whole.columns)]
        emptied = pa.RecordBatch.from_arrays(columns, whole.schema.names)
        assert logic.splits_of(emptied, SHARES) != logic.splits_of(whole, SHARES), name
