"""Small JSON files, written in one step, on any file system that TensorFlow knows."""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from typing import Any, TypeVar

import msgspec
import tensorflow as tf

from trainer_module.files import atomic

T = TypeVar("T")


def write(path: str, value: Any) -> None:
    """Writes a dataclass, or any other value that JSON can hold."""
    content = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    atomic.write(path, json.dumps(content, indent=2))


def read(path: str, kind: type[T]) -> T | None:
    """Reads a value of a type. Returns None if there is no such file."""
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        return msgspec.convert(json.loads(file.read()), kind)  # json takes Infinity, msgspec.json does not
