"""Labels that no model can be trained on."""

from __future__ import annotations

from functools import singledispatch

import pyarrow as pa
import pyarrow.compute as pc

from data import AnyLabel, BinaryLabel, MulticlassLabel, NumericLabel


def first_unusable(batch: pa.RecordBatch, label: AnyLabel) -> tuple[int, str, str] | None:
    """Returns the place of the first row whose label is missing or none at all, its column and what is wrong; or None."""
    declared = _usable(label, batch)
    if declared is None:
        return None
    usable, column, kind = declared
    row = pc.index(usable, pa.scalar(False)).as_py()
    if row < 0:
        return None
    value = batch.column(column)[row].as_py()
    if value is None:
        return row, column, f"the label is missing. Every row needs {kind}: fill it in, or leave the row out."
    return row, column, f"the label '{value}' is not {kind}. Mend it, or leave the row out."


@singledispatch
def _usable(label: AnyLabel, batch: pa.RecordBatch) -> tuple[pa.BooleanArray, str, str] | None:
    """Returns which rows have a label, its column, and what a label is; None for a kind that takes anything."""
    return None


@_usable.register
def _(label: BinaryLabel, batch: pa.RecordBatch) -> tuple[pa.BooleanArray, str, str]:
    column = batch.column(label.column)
    return pc.is_in(column, pa.array([0, 1], column.type)), label.column, "0 or 1"


@_usable.register
def _(label: MulticlassLabel, batch: pa.RecordBatch) -> tuple[pa.BooleanArray, str, str]:
    column = batch.column(label.column)
    known = f"one of {', '.join(map(str, label.classes))}"
    return pc.is_in(column, pa.array(label.classes, column.type)), label.column, known


@_usable.register
def _(label: NumericLabel, batch: pa.RecordBatch) -> tuple[pa.BooleanArray, str, str]:
    usable = pc.fill_null(pc.is_finite(batch.column(label.column)), False)
    return usable, label.column, "a number"
