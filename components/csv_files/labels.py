"""Finds labels that no model can be trained on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

import pyarrow as pa
import pyarrow.compute as pc

from data import AnyLabel, BinaryLabel, MulticlassLabel, NumericLabel


@dataclass(frozen=True)
class UnusableLabel:
    """A row without a usable label.

    Attributes:
        row: number of the row in the batch, from 0.
        column: column of the label.
        problem: the problem and the way out, as the text after the place in a message.
    """

    row: int
    column: str
    problem: str


@dataclass(frozen=True)
class _Check:
    """Which rows of a batch have a usable label.

    Attributes:
        usable: [rows] booleans without nulls.
        column: of the label.
        rule: the values that are allowed, in words.
    """

    usable: pa.BooleanArray
    column: str
    rule: str


def first_unusable(batch: pa.RecordBatch, label: AnyLabel) -> UnusableLabel | None:
    """Returns the first row of a batch whose label is missing or has a wrong value; None if every label is usable."""
    check = _check(label, batch)
    row = pc.index(check.usable, pa.scalar(False)).as_py() if check else -1
    if check is None or row < 0:
        return None
    value = batch.column(check.column)[row].as_py()
    if value is None:
        problem = f"the label is missing. Every row needs {check.rule}: fill it in, or leave the row out."
    else:
        problem = f"the label '{value}' is not {check.rule}. Correct it, or leave the row out."
    return UnusableLabel(row, check.column, problem)


@singledispatch
def _check(label: AnyLabel, batch: pa.RecordBatch) -> _Check | None:
    """Checks the labels of a batch. Returns None for a kind of label that is never wrong, such as that of a series."""
    return None


@_check.register
def _(label: BinaryLabel, batch: pa.RecordBatch) -> _Check:
    column = batch.column(label.column)
    return _Check(pc.is_in(column, pa.array([0, 1], column.type)), label.column, "0 or 1")


@_check.register
def _(label: MulticlassLabel, batch: pa.RecordBatch) -> _Check:
    column = batch.column(label.column)
    rule = f"one of {', '.join(map(str, label.classes))}"
    return _Check(pc.is_in(column, pa.array(label.classes, column.type)), label.column, rule)


@_check.register
def _(label: NumericLabel, batch: pa.RecordBatch) -> _Check:
    usable = pc.fill_null(pc.is_finite(batch.column(label.column)), False)
    return _Check(usable, label.column, "a number")
