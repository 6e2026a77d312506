"""The inputs of the served model: serialised examples, or one input for each column. Both pass through the Transform graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf
import tensorflow_transform as tft

from data import Dataset, DType, Window
from trainer_module.serving.signatures import EXAMPLES
from trainer_module.transform import raw_columns

COLUMN_INPUTS = "columns"  # the Estimator API lists the second kind of input under this name; `export.finish` removes it

ReceiverFn = Callable[[], tf.estimator.export.ServingInputReceiver]


def serving_input_receiver_fn(dataset: Dataset, tf_transform_output: tft.TFTransformOutput) -> ReceiverFn:
    """Returns the function that builds the inputs of the served model and applies the Transform graph to them.

    Args:
        dataset: says which columns are features.
        tf_transform_output: one object for the whole process. With a new one for every export the garbage collector runs
            the destructor of a lookup table while TensorFlow holds the graph's lock: after a few exports the process
            hangs for ever.
    """
    spec = tf_transform_output.raw_feature_spec()
    features = {f.name: _RawColumn(f.dtype, (f.length,) if isinstance(f, Window) else ()) for f in dataset.features}
    # The label and the weight: a request may leave them out.
    other_columns = {name: _RawColumn(dtype) for name, dtype in dataset.columns.items() if name not in features}

    def receiver() -> tf.estimator.export.ServingInputReceiver:
        # Both kinds of input default to an empty batch and are concatenated, so the graph after them is the same for both.
        # A row without values comes last: padding, so that no op of a model gets an empty batch (feature columns fail on one).
        examples = tf.compat.v1.placeholder_with_default(tf.constant([], tf.string), [None], "input_example_tensor")
        placeholders = {name: column.placeholder(f"raw_{name}") for name, column in features.items()}
        height = _height(placeholders) + 1
        optional = {name: tf.io.VarLenFeature(tf.as_dtype(column.dtype)) for name, column in other_columns.items()}
        parsed = tf.io.parse_example(examples, {name: spec[name] for name in features} | optional)
        columns = {name: _concat(parsed[name], column.sparse(placeholders[name], height)) for name, column in features.items()}
        columns |= {
            name: _as_required(spec[name], _concat(parsed[name], column.empty(height)))
            for name, column in other_columns.items()
        }
        if dataset.empty_row == "refuse":
            columns = _refuse_empty_rows(columns, list(features))
        return tf.estimator.export.ServingInputReceiver(
            tf_transform_output.transform_raw_features(columns), {EXAMPLES: examples}, {COLUMN_INPUTS: placeholders}
        )

    return receiver


@dataclass(frozen=True)
class _RawColumn:
    """A raw column: its type, and the shape of a row: () for one value, (length,) for a window."""

    dtype: DType
    shape: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """Number of values in a row."""
        return math.prod(self.shape)

    def placeholder(self, name: str) -> tf.Tensor:
        """Returns the input of `predict_raw`, [batch, *shape]; an empty batch by default."""
        dtype = tf.string if self.dtype == "string" else tf.float64
        return tf.compat.v1.placeholder_with_default(tf.zeros([0, *self.shape], dtype), [None, *self.shape], name)

    def sparse(self, values: tf.Tensor, height: tf.Tensor) -> tf.SparseTensor:
        """Returns the values that are not missing, as [height, width]. Rows beyond `values` are empty."""
        values = tf.reshape(values, [-1, self.width])
        is_present = tf.not_equal(values, "") if self.dtype == "string" else tf.math.is_finite(values)
        return tf.SparseTensor(
            tf.where(is_present), tf.cast(tf.boolean_mask(values, is_present), tf.as_dtype(self.dtype)), self._shape(height)
        )

    def empty(self, height: tf.Tensor) -> tf.SparseTensor:
        """Returns [height, width] without any value."""
        return tf.SparseTensor(tf.zeros([0, 2], tf.int64), tf.constant([], tf.as_dtype(self.dtype)), self._shape(height))

    def _shape(self, height: tf.Tensor) -> tf.Tensor:
        return tf.stack([height, tf.constant(self.width, tf.int64)])


def _height(placeholders: dict[str, tf.Tensor]) -> tf.Tensor:
    """Returns the number of rows of the columns, after a check that all columns have the same number."""
    heights = [tf.shape(values, out_type=tf.int64)[0] for values in placeholders.values()]
    check = tf.debugging.assert_equal(
        tf.stack(heights), heights[0], message=f"The columns must have the same number of values: {', '.join(placeholders)}."
    )
    with tf.control_dependencies([check]):
        return tf.identity(heights[0])


def _as_required(parsing: object, column: tf.SparseTensor) -> raw_columns.Column:
    """Returns a label or a weight in the form that the Transform graph takes: dense if the schema requires the column."""
    if not isinstance(parsing, tf.io.FixedLenFeature):
        return column
    missing = float("nan") if column.dtype.is_floating else "" if column.dtype == tf.string else 0
    return raw_columns.dense(column, missing, *parsing.shape)


def _concat(parsed: raw_columns.Column, request: tf.SparseTensor) -> raw_columns.Column:
    """Returns a column's rows from the examples, then those sent as columns, the padding row last."""
    if isinstance(parsed, tf.SparseTensor):
        return tf.sparse.concat(0, [parsed, request], expand_nonconcat_dims=True)
    # The schema requires this column, so a client must send every value of every row. The padding row gets zeros.
    rows, width = request.dense_shape[0] - 1, parsed.shape[1]
    padding = tf.zeros([1, width], parsed.dtype)
    return tf.concat([parsed, tf.reshape(request.values, [rows, width]), padding], axis=0)


def _refuse_empty_rows(columns: dict[str, raw_columns.Column], features: list[str]) -> dict[str, raw_columns.Column]:
    """Returns the columns after a check that every row has a value; the last row, the padding, needs none."""
    sparse = [raw_columns.present(columns[name]) for name in features]
    height = sparse[0].dense_shape[0]
    counts = [tf.math.unsorted_segment_sum(tf.ones_like(x.indices[:, 0]), x.indices[:, 0], height) for x in sparse]
    check = tf.debugging.assert_positive(
        tf.add_n(counts)[:-1], message=f"A row has no value at all. It needs at least one of: {', '.join(features)}."
    )
    with tf.control_dependencies([check]):
        return {name: tf.nest.map_structure(tf.identity, x, expand_composites=True) for name, x in columns.items()}
