"""Writes a file atomically: a reader sees the complete old content or the complete new content."""

from __future__ import annotations

import posixpath
import re
import uuid
from pathlib import Path

from trainer_module.files.paths import is_remote


def write(path: str | Path, content: str | bytes) -> None:
    """Writes a hidden file in the same folder, then renames it. Creates the folder if it does not exist.

    Several processes may write the same file: each has its own hidden file, and the last rename wins.

    Args:
        path: a path on this machine, or a URL that TensorFlow knows.
        content: text is written as UTF-8.

    Raises:
        OSError: a local file cannot be written. The hidden file is removed then.
        tf.errors.OpError: a remote file cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    if is_remote(str(path)):
        _write_remote(str(path), data)
    else:
        _write_local(Path(path), data)


def _write_local(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(_hidden(path.name))
    try:
        hidden.write_bytes(data)
        hidden.replace(path)
    finally:
        hidden.unlink(missing_ok=True)


def _write_remote(path: str, data: bytes) -> None:
    import tensorflow as tf  # takes seconds, and most processes write local files only

    folder, name = posixpath.split(path)
    hidden = posixpath.join(folder, _hidden(name))
    tf.io.gfile.makedirs(folder)
    try:
        with tf.io.gfile.GFile(hidden, "wb") as file:
            file.write(data)
        tf.io.gfile.rename(hidden, path, overwrite=True)
    except BaseException:
        if tf.io.gfile.exists(hidden):
            tf.io.gfile.remove(hidden)
        raise


def is_leftover(name: str) -> bool:
    """Returns whether a name is that of a hidden file, which remains if a process is killed while it writes."""
    return re.fullmatch(r"\..+\.[0-9a-f]{12}\.tmp", name) is not None


def _hidden(name: str) -> str:
    return f".{name}.{uuid.uuid4().hex[:12]}.tmp"
