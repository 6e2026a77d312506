"""The inputs of the served model: serialised examples, or a column a feature, through the Transform graph."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf
import tensorflow_transform as tft

from data import Dataset, DType, Window
from trainer_module.transform import raw_columns

EXAMPLES = "examples"
ALTERNATIVE = "raw"  # the name under which the Estimator API lists the second kind of input

Features = dict[str, tf.Tensor]
ReceiverFn = Callable[[], tf.estimator.export.ServingInputReceiver]


def serving_input_receiver_fn(dataset: Dataset, tf_transform_output: tft.TFTransformOutput) -> ReceiverFn:
    """Returns the function that builds the inputs of the served model and puts them through the Transform graph.

    Args:
        dataset: which columns are features, which are labels.
        tf_transform_output: one object for the whole process. A new one an export lets the garbage collector run a
            table's destructor while TensorFlow holds the graph's lock: after a few exports the process hangs for ever.
    """
    spec = tf_transform_output.raw_feature_spec()
    features = {f.name: _Column(f.dtype, (f.length,) if isinstance(f, Window) else ()) for f in dataset.features}
    # Neither a label nor a weight is ever required.
    others = {name: _Column(dtype) for name, dtype in dataset.columns.items() if name not in features}

    def receiver() -> tf.estimator.export.ServingInputReceiver:
        # Both inputs default to an empty batch and are concatenated: whichever is fed, the graph behind is the same. One
        # row without values comes last, so that no op of a model meets an empty batch (feature columns fail on one).
        examples = tf.compat.v1.placeholder_with_default(tf.constant([], tf.string), [None], "input_example_tensor")
        raw = {name: column.placeholder(f"raw_{name}") for name, column in features.items()}
        rows = _height(raw) + 1
        optional = {name: tf.io.VarLenFeature(tf.as_dtype(column.dtype)) for name, column in others.items()}
        parsed = tf.io.parse_example(examples, {name: spec[name] for name in features} | optional)
        columns = {name: _concat(parsed[name], column.sparse(raw[name], rows)) for name, column in features.items()}
        columns |= {
            name: _as_required(spec[name], _concat(parsed[name], column.absent(rows))) for name, column in others.items()
        }
        if dataset.empty_row == "refuse":
            columns = _refuse_empty_rows(columns, list(features))
        return tf.estimator.export.ServingInputReceiver(
            tf_transform_output.transform_raw_features(columns), {EXAMPLES: examples}, {ALTERNATIVE: raw}
        )

    return receiver


@dataclass(frozen=True)
class _Column:
    """A raw column: how it is written, and the shape of a row: () for one value, (length,) for a window."""

    dtype: DType
    shape: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        """Number of values in a row."""
        return math.prod(self.shape)

    def placeholder(self, name: str) -> tf.Tensor:
        """Returns the input of `predict_raw`, by default an empty batch."""
        kind = tf.string if self.dtype == "string" else tf.float64
        return tf.compat.v1.placeholder_with_default(tf.zeros([0, *self.shape], kind), [None, *self.shape], name)

    def sparse(self, values: tf.Tensor, height: tf.Tensor) -> tf.SparseTensor:
        """Returns [height, width] with what is not missing of `values`; the rows below are empty."""
        values = tf.reshape(values, [-1, self.width])
        there = tf.not_equal(values, "") if self.dtype == "string" else tf.math.is_finite(values)
        return tf.SparseTensor(
            tf.where(there), tf.cast(tf.boolean_mask(values, there), tf.as_dtype(self.dtype)), self._shape(height)
        )

    def absent(self, height: tf.Tensor) -> tf.SparseTensor:
        """Returns [height, width] without a value."""
        return tf.SparseTensor(tf.zeros([0, 2], tf.int64), tf.constant([], tf.as_dtype(self.dtype)), self._shape(height))

    def _shape(self, height: tf.Tensor) -> tf.Tensor:
        return tf.stack([height, tf.constant(self.width, tf.int64)])


def _height(raw: Features) -> tf.Tensor:
    """Returns the number of rows of the columns, behind a check that it is the same for all."""
    heights = [tf.shape(values, out_type=tf.int64)[0] for values in raw.values()]
    check = tf.debugging.assert_equal(
        tf.stack(heights), heights[0], message=f"The columns must have the same number of values: {', '.join(raw)}."
    )
    with tf.control_dependencies([check]):
        return tf.identity(heights[0])


def _as_required(parsing: object, column: tf.SparseTensor) -> raw_columns.Column:
    """Returns a label or a weight as the Transform graph takes it: dense, where the schema requires it."""
    if not isinstance(parsing, tf.io.FixedLenFeature):
        return column
    missing = float("nan") if column.dtype.is_floating else "" if column.dtype == tf.string else 0
    return raw_columns.dense(column, missing, *parsing.shape)


def _concat(parsed: raw_columns.Column, given: tf.SparseTensor) -> raw_columns.Column:
    if isinstance(parsed, tf.SparseTensor):
        return tf.sparse.concat(0, [parsed, given], expand_nonconcat_dims=True)
    # A column that the schema requires: the client's part must have every value in every row, the padding takes any.
    rows, width = given.dense_shape[0] - 1, parsed.shape[1]
    padding = tf.zeros([1, width], parsed.dtype)
    return tf.concat([parsed, tf.reshape(given.values, [rows, width]), padding], axis=0)


def _refuse_empty_rows(columns: dict[str, raw_columns.Column], features: list[str]) -> dict[str, raw_columns.Column]:
    """Returns the columns, behind a check that every row but the last, the padding, has a value."""
    sparse = [raw_columns.present(columns[name]) for name in features]
    rows = sparse[0].dense_shape[0]
    counts = [tf.math.unsorted_segment_sum(tf.ones_like(x.indices[:, 0]), x.indices[:, 0], rows) for x in sparse]
    check = tf.debugging.assert_positive(
        tf.add_n(counts)[:-1], message=f"A row has no value at all. It needs at least one of: {', '.join(features)}."
    )
    with tf.control_dependencies([check]):
        return {name: tf.nest.map_structure(tf.identity, x, expand_composites=True) for name, x in columns.items()}
