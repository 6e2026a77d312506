"""Small JSON files that are whole at any moment, on any file system that TensorFlow knows."""

from __future__ import annotations

import json
import posixpath
from dataclasses import asdict, is_dataclass
from typing import Any, TypeVar

import msgspec
import tensorflow as tf

T = TypeVar("T")


def write(path: str, value: Any) -> None:
    """Writes a dataclass, or what JSON can say, in one step."""
    tf.io.gfile.makedirs(posixpath.dirname(path))
    with tf.io.gfile.GFile(f"{path}.tmp", "w") as file:
        file.write(json.dumps(asdict(value) if is_dataclass(value) and not isinstance(value, type) else value, indent=2))
    tf.io.gfile.rename(f"{path}.tmp", path, overwrite=True)


def read(path: str, kind: type[T]) -> T | None:
    """Reads it; None if there is no such file."""
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        return msgspec.convert(json.loads(file.read()), kind)  # json takes Infinity, msgspec.json does not
