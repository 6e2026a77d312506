"""The file of a SavedModel, read and written without loading its graph."""

from __future__ import annotations

import posixpath

import tensorflow as tf
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from trainer_module.files import atomic


def read(folder: str) -> SavedModel:
    """Returns the content of a SavedModel's file."""
    with tf.io.gfile.GFile(_path(folder), "rb") as file:
        return SavedModel.FromString(file.read())


def write(folder: str, content: SavedModel) -> None:
    """Replaces the file of a SavedModel atomically. The same content gives the same bytes."""
    atomic.write(_path(folder), content.SerializeToString(deterministic=True))


def signature_names(folder: str) -> set[str]:
    """Returns the names of a SavedModel's signatures."""
    return {name for graph in read(folder).meta_graphs for name in graph.signature_def}


def _path(folder: str) -> str:
    return posixpath.join(folder, tf.saved_model.SAVED_MODEL_FILENAME_PB)
