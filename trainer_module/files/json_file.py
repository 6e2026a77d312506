"""Reads and atomically writes small JSON files, on any file system that TensorFlow knows."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec
import tensorflow as tf

from trainer_module.files import atomic

T = TypeVar("T")


def write(path: str, value: object) -> None:
    """Writes a dataclass, a msgspec Struct, or any other value that JSON can hold."""
    atomic.write(path, json.dumps(msgspec.to_builtins(value, enc_hook=_to_float), indent=2))


def read(path: str, kind: type[T]) -> T | None:
    """Reads a value of a type from a file. Returns None if the file does not exist."""
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        return msgspec.convert(json.loads(file.read()), kind)  # json takes Infinity, msgspec.json does not


def _to_float(value: object) -> float:
    """Converts NumPy's float64, which is a float for Python, but not for msgspec."""
    if isinstance(value, float):
        return float(value)
    raise TypeError(f"JSON cannot hold an object of type {type(value).__name__}. Received: {value!r}")
