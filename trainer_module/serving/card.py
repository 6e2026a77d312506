"""The card of an export: a file inside the SavedModel that describes the training data of the model."""

from __future__ import annotations

import posixpath
import uuid

import msgspec
import tensorflow as tf

from data import Dataset, MulticlassLabel
from trainer_module.files import atomic

# `assets.extra` is TensorFlow's folder for files that no graph reads.
FILE = "assets.extra/dataset.json"


class Card(msgspec.Struct, frozen=True):
    """Describes the training data of an exported model.

    Attributes:
        id: unique to this export; its copies share it.
        dataset: name of the dataset.
        task: the dataset's task.
        label: key of the transformed label.
        columns: raw column -> its type, from `column_types`; including the columns of the label.
    """

    id: str
    dataset: str
    task: str
    label: str
    columns: dict[str, str]


def column_types(dataset: Dataset) -> dict[str, str]:
    """Returns raw column -> its type, as text.

    The type of a window contains the number of its values (`float32[60]`); the type of a class label contains its classes
    (`string (oak, elm)`).
    """
    columns: dict[str, str] = dict(dataset.columns)
    columns |= {w.name: f"{w.dtype}[{w.length}]" for w in dataset.windows}
    label = dataset.label
    if label.width > 1:
        columns[label.name] += f"[{label.width}]"
    if isinstance(label, MulticlassLabel):
        columns[label.column] += f" ({', '.join(map(str, label.classes))})"
    return columns


def write(saved_model: str, dataset: Dataset) -> None:
    """Writes a card with a new id into a SavedModel."""
    card = Card(uuid.uuid4().hex, dataset.name, dataset.task, dataset.label.name, column_types(dataset))
    atomic.write(posixpath.join(saved_model, FILE), msgspec.json.format(msgspec.json.encode(card), indent=2))


def read(saved_model: str) -> Card | None:
    """Returns the card of a SavedModel; None if it has no card."""
    path = posixpath.join(saved_model, FILE)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path, "rb") as file:
        return msgspec.json.decode(file.read(), type=Card)


def identity(saved_model: str) -> str | None:
    """Returns the id of an export, which its copies share; None if the SavedModel has no card."""
    card = read(saved_model)
    return card.id if card else None
