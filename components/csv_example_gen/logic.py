"""Assigns the rows of Arrow batches to splits, and prepares the batches for encoding as tf.Examples."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc


def splits_of(batch: pa.RecordBatch, buckets: Mapping[str, int]) -> list[str]:
    """Assigns every row to a split by a hash of its values. Equal rows get the same split, in every run, on every machine.

    TFX hashes the serialised tf.Example instead. The order of the features in it differs between processes.

    Args:
        batch: rows.
        buckets: split name -> its share, in hash buckets.

    Returns:
        The split of each row.
    """
    bucket_splits = [name for name, count in buckets.items() for _ in range(count)]
    by_name = sorted(range(batch.num_columns), key=batch.schema.names.__getitem__)
    columns = [batch.column(i).cast(pa.string()) for i in by_name]
    texts = pc.binary_join_element_wise(*columns, "\x1f", null_handling="replace", null_replacement="")
    hashes = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts.to_pylist())
    return [bucket_splits[int.from_bytes(h, "big") % len(bucket_splits)] for h in hashes]


def as_lists(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Wraps every value into a list of one, and turns a null into a null list: the input of tfx_bsl's encoder."""
    return pa.RecordBatch.from_arrays([_as_list(c) for c in batch.columns], batch.schema.names)


def _as_list(column: pa.Array) -> pa.Array:
    valid = column.is_valid().to_numpy(zero_copy_only=False)
    present = column.drop_null()
    if pa.types.is_string(present.type):
        present = present.cast(pa.binary())
    ends = pa.array(valid.cumsum(), pa.int32())
    starts = pa.concat_arrays([pa.array([0], pa.int32()), ends[:-1]]) if len(column) else pa.array([], pa.int32())
    offsets = pa.array(starts.to_numpy(), pa.int32(), mask=~valid)  # a null offset makes a null list
    last = pa.array([len(present)], pa.int32())
    return pa.ListArray.from_arrays(pa.concat_arrays([offsets, last]), present)
