"""Parses serialised examples into columns, and packs the columns by type so that memory holds one tensor per type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import tensorflow as tf

Batch = tuple[dict[str, tf.Tensor], tf.Tensor]
Packed = dict[str, tf.Tensor]


@dataclass(frozen=True)
class Columns:
    """The columns of a split.

    Attributes:
        spec: name -> type and shape of a row's value.
        label: the column that is the label; all others are features.
    """

    spec: Mapping[str, tf.io.FixedLenFeature]
    label: str

    @property
    def row_bytes(self) -> int | None:
        """Bytes that a row takes in memory; None if it has strings, which may have any length."""
        if any(column.dtype == tf.string for column in self.spec.values()):
            return None
        return sum(math.prod(column.shape) * column.dtype.size for column in self.spec.values())

    def parse(self, records: tf.Tensor) -> Batch:
        """Parses records [n] into (features: name -> [n, ...], label: [n, ...])."""
        return self._labelled(tf.io.parse_example(records, self.spec))

    def pack(self, records: tf.Tensor) -> Packed:
        """Parses records [n] into type -> [n, values]. Gathering rows from one tensor per type is 2 to 3 times faster."""
        parsed = tf.io.parse_example(records, self.spec)
        return {
            dtype: tf.concat([tf.reshape(parsed[name], [-1, size]) for name, size in sizes.items()], axis=1)
            for dtype, sizes in self._types().items()
        }

    def unpack(self, packed: Packed) -> Batch:
        """Converts the result of `pack` into that of `parse`."""
        columns: dict[str, tf.Tensor] = {}
        for dtype, sizes in self._types().items():
            values = tf.split(packed[dtype], list(sizes.values()), axis=1)
            columns |= {name: tf.reshape(v, [-1, *self.spec[name].shape]) for name, v in zip(sizes, values, strict=True)}
        return self._labelled(columns)

    def _labelled(self, columns: dict[str, tf.Tensor]) -> Batch:
        return {name: column for name, column in columns.items() if name != self.label}, columns[self.label]

    def _types(self) -> dict[str, dict[str, int]]:
        """Returns type -> {name of a column of that type: number of its values per row}."""
        types: dict[str, dict[str, int]] = {}
        for name, column in self.spec.items():
            types.setdefault(column.dtype.name, {})[name] = math.prod(column.shape)
        return types
