"""The served model: its signatures, its inputs, its files. The same for every Estimator.

An export is the Estimator's own SavedModel with these signatures over one graph, which carries the Transform graph:

- `serving_default`: `examples` string [batch], serialised tf.Examples -> the outputs of the task.
- `predict_raw`: one input a feature, named like the column -> the same outputs. Numbers are float64 [batch], also those
  that are integers in the data (exact up to 2**53), text is string [batch], a window is float64 [batch, length]. A missing
  value is NaN, or "" in a text.
- `transform_labels`: `examples` string [batch] -> the label [batch, n] and, if there are any, the weights. What TFMA reads.
- one for each further head in the `export_outputs` of the model, from `examples`; and `<head>_raw`, from columns.

Outputs, all float32 but the label:

- binary classification: `probability` [batch] of the positive class, `label` int64 [batch], 1 where it is above one half;
- multi-class classification: `probabilities` [batch, classes], `label` [batch], the most probable class as the data writes it;
- regression: `prediction` [batch]; forecast: `prediction` [batch, outputs]; both in the label's own units.

Labels are optional in the examples. Because the SavedModel is the Estimator's own, its variables keep their names, and
a later training can start from it (`warm_start_from`).
"""

from __future__ import annotations

import posixpath
import uuid
from collections.abc import Mapping

import msgspec
import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from data import Dataset, MulticlassLabel
from trainer_module.files import atomic
from trainer_module.heads import PREDICTED, PREDICTIONS, PROBABILITIES, WEIGHT, label_scale
from trainer_module.serving.receiver import ALTERNATIVE, Features

est = tf.estimator.export

SERVING_DEFAULT = "serving_default"
PREDICT_RAW = "predict_raw"
TRANSFORM_LABELS = "transform_labels"
PROBABILITY = "probability"
PREDICTION = "prediction"
LABEL = "label"

# What a served model was trained on, inside the SavedModel (TensorFlow's folder for files that no graph reads).
CARD_FILE = "assets.extra/dataset.json"

_NOT_RAW = (TRANSFORM_LABELS, "predict")  # columns have no label; and predict_raw is the one of serving_default


class MissingPredictionError(ValueError):
    """The model's predictions lack what the task is evaluated and served by."""


def predicted(dataset: Dataset, predictions: Features) -> tf.Tensor:
    """Returns what the task is evaluated and served by, among the predictions of a model.

    Raises:
        MissingPredictionError: it is not there.
    """
    key = PREDICTED[dataset.task]
    named = predictions if isinstance(predictions, Mapping) else {}  # an EstimatorSpec takes a tensor without a name, too
    if key not in named:
        raise MissingPredictionError(
            f"A {dataset.task} is evaluated and served by predictions['{key}'] (trainer_module/heads says what that is). "
            f"This model predicts: {', '.join(sorted(named)) or 'nothing by name'}. In Keras, name the last layer '{key}'."
        )
    return named[key]


def in_units(spec: tf.estimator.EstimatorSpec, dataset: Dataset, features: Features) -> tf.estimator.EstimatorSpec:
    """Puts what a model predicts into the label's own units, in its predictions and in every head that it exports."""
    if not label_scale.has_units(dataset.label):
        return spec
    predicted(dataset, spec.predictions)

    def restore(values: tf.Tensor) -> tf.Tensor:
        # A head of [batch] would be broadcast with the scale [batch, 1] to [batch, batch].
        flat = values.shape.rank == 1
        rows = label_scale.restore(dataset.label, values[:, tf.newaxis] if flat else values, features)
        return rows[:, 0] if flat else rows

    def restored(outputs: Features) -> Features:
        return {k: restore(v) if k == PREDICTIONS else v for k, v in outputs.items()}

    heads = {}
    for name, head in (spec.export_outputs or {}).items():
        if isinstance(head, est.RegressionOutput):
            head = est.RegressionOutput(restore(head.value))
        elif isinstance(head, est.PredictOutput):
            head = est.PredictOutput(restored(head.outputs))
        heads[name] = head
    return spec._replace(predictions=restored(spec.predictions), export_outputs=heads or None)


def outputs(
    spec: tf.estimator.EstimatorSpec, dataset: Dataset, label: tf.Tensor, weights: tf.Tensor | None
) -> dict[str, tf.estimator.export.ExportOutput]:
    """Returns the heads of the served model: those that every model has, and the model's own.

    Args:
        spec: of PREDICT mode, in units.
        dataset: decides the outputs.
        label: transformed, [batch, n].
        weights: of the examples [batch, 1], if the dataset has any.

    Raises:
        MissingPredictionError: see `predicted`.
    """
    judged = {dataset.label.name: label} | ({WEIGHT: weights} if weights is not None else {})
    heads = {
        **(spec.export_outputs or {}),
        SERVING_DEFAULT: est.PredictOutput(_served(dataset, predicted(dataset, spec.predictions))),
        TRANSFORM_LABELS: est.PredictOutput(judged),
    }
    return {name: _without_padding(head) for name, head in heads.items()}


def _served(dataset: Dataset, values: tf.Tensor) -> Features:
    if dataset.task == "binary_classification":
        probability = tf.squeeze(values, axis=1)
        return {PROBABILITY: probability, LABEL: tf.cast(probability > 0.5, tf.int64)}
    if isinstance(dataset.label, MulticlassLabel):
        classes = tf.constant(dataset.label.classes, tf.as_dtype(dataset.label.dtype))
        return {PROBABILITIES: values, LABEL: tf.gather(classes, tf.argmax(values, axis=1))}
    return {PREDICTION: values if dataset.task == "forecast" else tf.squeeze(values, axis=1)}


def _without_padding(head: tf.estimator.export.ExportOutput) -> tf.estimator.export.ExportOutput:
    """Leaves out the last row, which `receiver.serving_input_receiver_fn` has added."""
    if isinstance(head, est.RegressionOutput):
        return est.RegressionOutput(head.value[:-1])
    if isinstance(head, est.ClassificationOutput):
        scores, classes = (None if x is None else x[:-1] for x in (head.scores, head.classes))
        return est.ClassificationOutput(scores, classes)
    return est.PredictOutput({name: output[:-1] for name, output in head.outputs.items()})


class Card(msgspec.Struct, frozen=True):
    """What a served model was trained on: whoever compares or feeds it can ask.

    Attributes:
        id: of this export, of no other one.
        dataset: name.
        task: of the dataset.
        label: key of the transformed label.
        columns: every raw column that it reads, labels included -> how it is written, as `written` says.
    """

    id: str
    dataset: str
    task: str
    label: str
    columns: dict[str, str]


def written(dataset: Dataset) -> dict[str, str]:
    """Returns how every raw column is written: its type, with the number of values of a window, and the classes of a label."""
    columns: dict[str, str] = dict(dataset.columns)
    columns |= {w.name: f"{w.dtype}[{w.length}]" for w in dataset.windows}
    label = dataset.label
    if label.width > 1:
        columns[label.name] += f"[{label.width}]"
    if isinstance(label, MulticlassLabel):
        columns[label.column] += f" ({', '.join(map(str, label.classes))})"
    return columns


def finish(export_dir: str, dataset: Dataset) -> None:
    """Gives a fresh export its card and its signatures their names; graph and variables stay as they are.

    The Estimator API calls a second kind of input "raw:serving_default", and offers it for the labels as well. Finishing an
    export again changes nothing.

    Raises:
        MissingPredictionError: the export is not one of `estimator.build` and `receiver.serving_input_receiver_fn`.
    """
    model = _read(export_dir)
    [graph] = model.meta_graphs
    signatures = graph.signature_def
    raw = f"{ALTERNATIVE}:{SERVING_DEFAULT}"
    if raw not in signatures:  # reading a key that is not there would make an empty one
        if PREDICT_RAW in signatures:
            return  # finished before
        raise MissingPredictionError(f"{export_dir} has no signature '{raw}'. It has: {', '.join(sorted(signatures))}.")
    for name in [n for n in signatures if n.startswith(f"{ALTERNATIVE}:")]:
        head = name.removeprefix(f"{ALTERNATIVE}:")
        if head not in _NOT_RAW:
            signatures[PREDICT_RAW if head == SERVING_DEFAULT else f"{head}_raw"].CopyFrom(signatures[name])
        del signatures[name]
    card = Card(uuid.uuid4().hex, dataset.name, dataset.task, dataset.label.name, written(dataset))
    path = posixpath.join(export_dir, CARD_FILE)
    tf.io.gfile.makedirs(posixpath.dirname(path))
    _write(path, msgspec.json.format(msgspec.json.encode(card), indent=2))
    # Last, and in one step: whoever is cut off before leaves an export that can be finished again.
    saved_model = posixpath.join(export_dir, tf.saved_model.SAVED_MODEL_FILENAME_PB)
    atomic.write(saved_model, model.SerializeToString(deterministic=True))


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


def _write(path: str, content: bytes) -> None:
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(content)
