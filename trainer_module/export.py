"""The served model: its signatures, its inputs, its files. The same for every Estimator.

An export is the Estimator's own SavedModel with three signatures over one graph, which carries the Transform graph:

- `serving_default`: `examples` string [batch], serialised tf.Examples -> the outputs of the task.
- `predict_raw`: one input a feature, named like the column -> the same outputs. Numbers are float64 [batch], also those
  that are integers in the data (exact up to 2**53), text is string [batch]. A missing value is NaN, or "" in a text.
- `transform_labels`: `examples` string [batch] -> the transformed label [batch, 1]. What TFMA compares with.

Outputs of binary classification: `probability` float32 [batch] of the positive class, `label` int64 [batch], 1 where the
probability is above one half.

Labels are optional in the examples. Because the SavedModel is the Estimator's own, its variables keep their names, and
a later training can start from it (`warm_start_from`).
"""

from __future__ import annotations

import posixpath
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec
import tensorflow as tf
import tensorflow_transform as tft
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from data.features import Dataset, DType
from trainer_module.metrics import LOGISTIC

SERVING_DEFAULT = "serving_default"
PREDICT_RAW = "predict_raw"
TRANSFORM_LABELS = "transform_labels"
EXAMPLES = "examples"
PROBABILITY = "probability"
LABEL = "label"

# What a served model was trained on, inside the SavedModel (TensorFlow's folder for files that no graph reads).
CARD_FILE = "assets.extra/dataset.json"

_ALTERNATIVE = "raw"  # the name under which the Estimator API lists the second kind of input

Features = dict[str, tf.Tensor]
Column: TypeAlias = tf.Tensor | tf.SparseTensor
ReceiverFn = Callable[[], tf.estimator.export.ServingInputReceiver]


class MissingPredictionError(ValueError):
    """The model's predictions lack what the task's outputs are made of."""


def with_signatures(estimator: tf.estimator.Estimator, dataset: Dataset) -> tf.estimator.Estimator:
    """Returns an Estimator that trains and evaluates like `estimator` and exports the signatures of this module.

    Raises (when it exports):
        MissingPredictionError: `predictions` has no "logistic" [batch, 1].
    """

    def model_fn(features: Features, labels: Column, mode: str, config: object) -> tf.estimator.EstimatorSpec:
        label = features.pop(dataset.label.name, None) if mode == tf.estimator.ModeKeys.PREDICT else None
        spec = estimator.model_fn(features, labels, mode, config)
        if mode != tf.estimator.ModeKeys.PREDICT:
            return spec
        if label is None:  # predict(): there is no label among the features, and nothing is exported
            return spec
        # The last row is the padding of serving_input_receiver_fn.
        served = {name: output[:-1] for name, output in _outputs(spec.predictions).items()}
        outputs = {
            SERVING_DEFAULT: tf.estimator.export.PredictOutput(served),
            TRANSFORM_LABELS: tf.estimator.export.PredictOutput({dataset.label.name: label[:-1]}),
        }
        return spec._replace(export_outputs=outputs)

    # The settings are private there, but they are how a Keras model hands over the weights it already has.
    return tf.estimator.Estimator(model_fn, config=estimator.config, warm_start_from=estimator._warm_start_settings)


def _outputs(predictions: Features) -> Features:
    if LOGISTIC not in predictions:
        raise MissingPredictionError(
            f"The served outputs of a binary classifier are made of predictions['{LOGISTIC}'], float32 [batch, 1]. "
            f"This model predicts: {', '.join(sorted(predictions))}. In Keras, name the last layer '{LOGISTIC}'."
        )
    probability = tf.squeeze(predictions[LOGISTIC], axis=1)
    return {PROBABILITY: probability, LABEL: tf.cast(probability > 0.5, tf.int64)}


def serving_input_receiver_fn(dataset: Dataset, tf_transform_output: tft.TFTransformOutput) -> ReceiverFn:
    """Returns the function that builds the inputs of the served model and puts them through the Transform graph.

    Args:
        dataset: which columns are features, which are labels.
        tf_transform_output: one object for the whole process. A new one an export lets the garbage collector run a
            table's destructor while TensorFlow holds the graph's lock: after a few exports the process hangs for ever.
    """
    spec = tf_transform_output.raw_feature_spec()
    labels = dict(dataset.label.columns)
    features = {f.name: f.dtype for f in dataset.features}

    def receiver() -> tf.estimator.export.ServingInputReceiver:
        # Both inputs default to an empty batch and are concatenated: whichever is fed, the graph behind is the same. One
        # row without values comes last, so that no op of a model meets an empty batch (feature columns fail on one).
        examples = tf.compat.v1.placeholder_with_default(tf.constant([], tf.string), [None], "input_example_tensor")
        raw = {name: _raw_placeholder(name, dtype) for name, dtype in features.items()}
        rows = tf.shape(next(iter(raw.values())), out_type=tf.int64)[0] + 1
        parsed = tf.io.parse_example(examples, {n: _optional(spec[n], n in labels) for n in features | labels})
        columns = {}
        for name, dtype in (labels | features).items():
            given = _sparse(raw[name], dtype, rows) if name in raw else _absent(rows, dtype)
            columns[name] = _concat(parsed[name], given)
        return tf.estimator.export.ServingInputReceiver(
            tf_transform_output.transform_raw_features(columns), {EXAMPLES: examples}, {_ALTERNATIVE: raw}
        )

    return receiver


def _optional(feature: tf.io.FixedLenFeature | tf.io.VarLenFeature, label: bool) -> object:
    """A label is never required; a feature is if the schema says so."""
    return tf.io.VarLenFeature(feature.dtype) if label else feature


def _raw_placeholder(name: str, dtype: DType) -> tf.Tensor:
    kind = tf.string if dtype == "string" else tf.float64
    return tf.compat.v1.placeholder_with_default(tf.constant([], kind), [None], f"raw_{name}")


def _sparse(values: tf.Tensor, dtype: DType, height: tf.Tensor) -> tf.SparseTensor:
    """Returns [height, 1] with what is not missing of `values` [batch]; the rows below are empty."""
    present = tf.not_equal(values, "") if dtype == "string" else tf.math.is_finite(values)
    rows = tf.where(present)
    return tf.SparseTensor(
        tf.concat([rows, tf.zeros_like(rows)], axis=1),
        tf.cast(tf.boolean_mask(values, present), tf.as_dtype(dtype)),
        tf.stack([height, tf.constant(1, tf.int64)]),
    )


def _absent(rows: tf.Tensor, dtype: DType) -> tf.SparseTensor:
    return tf.SparseTensor(
        tf.zeros([0, 2], tf.int64), tf.constant([], tf.as_dtype(dtype)), tf.stack([rows, tf.constant(1, tf.int64)])
    )


def _concat(parsed: Column, given: tf.SparseTensor) -> Column:
    if isinstance(parsed, tf.SparseTensor):
        return tf.sparse.concat(0, [parsed, given], expand_nonconcat_dims=True)
    # A column that the schema requires: the client's part must have a value in every row, the padding takes any.
    rows = given.dense_shape[0] - 1
    padding = tf.zeros([1, 1], parsed.dtype) if parsed.dtype != tf.string else tf.constant([[""]])
    return tf.concat([parsed, tf.reshape(given.values, [rows, 1]), padding], axis=0)


class Card(msgspec.Struct, frozen=True):
    """What a served model was trained on: whoever compares or feeds it can ask.

    Attributes:
        id: of this export, of no other one.
        dataset: name.
        task: of the dataset.
        label: key of the transformed label.
        columns: every raw column that it reads, labels included -> type.
    """

    id: str
    dataset: str
    task: str
    label: str
    columns: dict[str, str]


def finish(export_dir: str, dataset: Dataset) -> None:
    """Gives a fresh export its card and its signatures their names; graph and variables stay as they are.

    The Estimator API calls a second kind of input "raw:serving_default", and offers it for the labels as well. Finishing an
    export again changes nothing.

    Raises:
        MissingPredictionError: the export is not one of `with_signatures` and `serving_input_receiver_fn`.
    """
    model = _read(export_dir)
    [graph] = model.meta_graphs
    signatures = graph.signature_def
    raw = f"{_ALTERNATIVE}:{SERVING_DEFAULT}"
    if raw not in signatures:  # reading a key that is not there would make an empty one
        if PREDICT_RAW in signatures:
            return  # finished before
        raise MissingPredictionError(f"{export_dir} has no signature '{raw}'. It has: {', '.join(sorted(signatures))}.")
    signatures[PREDICT_RAW].CopyFrom(signatures[raw])
    for name in [n for n in signatures if n.startswith(f"{_ALTERNATIVE}:")]:
        del signatures[name]
    (Path(export_dir) / tf.saved_model.SAVED_MODEL_FILENAME_PB).write_bytes(model.SerializeToString(deterministic=True))

    card = Card(uuid.uuid4().hex, dataset.name, dataset.task, dataset.label.name, dict(dataset.columns))
    path = Path(export_dir) / CARD_FILE
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(card), indent=2))


def signatures(saved_model: str) -> set[str]:
    """Returns the names of a SavedModel's signatures without loading its graph."""
    return {name for graph in _read(saved_model).meta_graphs for name in graph.signature_def}


def read_card(saved_model: str) -> Card | None:
    """Returns what a SavedModel says that it was trained on; None if it says nothing."""
    path = posixpath.join(saved_model, CARD_FILE)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path, "rb") as file:
        return msgspec.json.decode(file.read(), type=Card)


def identity(saved_model: str) -> str | None:
    """Returns what tells a SavedModel from every other one, its copies excepted; None if it was exported elsewhere."""
    card = read_card(saved_model)
    return card.id if card else None


def _read(saved_model: str) -> SavedModel:
    with tf.io.gfile.GFile(posixpath.join(saved_model, tf.saved_model.SAVED_MODEL_FILENAME_PB), "rb") as file:
        return SavedModel.FromString(file.read())
