"""Warm start: the first weights of a training are those of a model that was trained before."""

from __future__ import annotations

import logging
import posixpath
from dataclasses import dataclass

import tensorflow as tf

from trainer_module.files import atomic

_log = logging.getLogger(__name__)

_FILE = "warm_start.txt"


class WarmStartError(ValueError):
    """A model that a training cannot start from: the message says why."""


@dataclass(frozen=True)
class Taken:
    """What came of a warm start.

    Attributes:
        taken: variables that begin with the weights of the other model.
        left: variable -> why it begins as the model file says.
        unused: variables of the other model that this one does not have.
    """

    taken: list[str]
    left: dict[str, str]
    unused: list[str]


def start_from(saved_model: str) -> Taken:
    """Makes the variables of the default graph begin with the weights of a SavedModel: those of the same name and shape.

    The optimizer's own variables, which a SavedModel does not hold, begin anew, and so does the global step. To be called when
    the model has been built, before its session is. A checkpoint that is restored goes before.

    Args:
        saved_model: folder of a SavedModel that an Estimator has exported.

    Raises:
        WarmStartError: there is no such model, or it cannot be read.
    """
    checkpoint = posixpath.join(saved_model, tf.saved_model.VARIABLES_DIRECTORY, tf.saved_model.VARIABLES_FILENAME)
    try:
        shapes = tf.compat.v1.train.NewCheckpointReader(checkpoint).get_variable_to_shape_map()
    except (tf.errors.OpError, ValueError) as error:
        raise WarmStartError(f"No weights can be read from the model {saved_model}: {error}") from None
    variables = {v.op.name: v for v in tf.compat.v1.trainable_variables()}
    variables |= {v.op.name: v for v in tf.compat.v1.global_variables() if v.op.name in shapes}
    variables.pop(tf.compat.v1.GraphKeys.GLOBAL_STEP, None)
    left = {name: why for name, v in variables.items() if (why := _why_not(v, shapes.get(name)))}
    taken = sorted(set(variables) - set(left))
    unused = sorted(set(shapes) - set(variables) - {tf.compat.v1.GraphKeys.GLOBAL_STEP})
    if taken:  # any model competes with the champion: nothing fits one of another kind, which is no reason to fail
        tf.compat.v1.train.init_from_checkpoint(checkpoint, {name: variables[name] for name in taken})
    return Taken(taken, left, unused)


def tell(result: Taken, saved_model: str, transform_graph: str | None, folder: str) -> None:
    """Says what came of a warm start, in one paragraph: to the log, and in the folder of the training for its record.

    Args:
        result: of `start_from`.
        saved_model: that it started from.
        transform_graph: Transform's output, to compare the vocabularies.
        folder: of the training.
    """
    taken = f"{len(result.taken)} variables taken ({', '.join(result.taken)})"
    parts = [f"Warm start from {saved_model}: {taken if result.taken else 'nothing fits, this training begins afresh'}."]
    parts += [_reasons(result.left)] if result.left else []
    parts += [f"Not in this model: {', '.join(result.unused)}."] if result.unused else []
    changed = _changed_vocabularies(saved_model, transform_graph) if transform_graph else []
    if result.taken and changed:
        parts.append(f"{'; '.join(changed)}: an embedding's rows keep their place, so some begin with another word's weights.")
    text = " ".join(parts)
    _log.info(text)
    _keep(posixpath.join(folder, _FILE), text)


def told(folder: str) -> str | None:
    """Returns what was said of the warm start of a training, None if it had none."""
    path = posixpath.join(folder, _FILE)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        return file.read()


def _keep(path: str, text: str) -> None:
    """Writes a file in one step, each of the workers that may do so by way of a file of its own."""
    atomic.write(path, text)


def _why_not(variable: tf.Variable, shape: list[int] | None) -> str | None:
    if shape is None:
        return "the other model has none of that name"
    if variable.shape.as_list() != list(shape):
        return f"its shape is {variable.shape.as_list()}, there {list(shape)}"
    return None


def _reasons(left: dict[str, str]) -> str:
    return f"Not taken: {'; '.join(f'{name} ({why})' for name, why in sorted(left.items()))}." if left else ""


def _changed_vocabularies(saved_model: str, transform_graph: str) -> list[str]:
    """Compares the vocabulary files that both carry. Returns a sentence for each that differs."""
    then = posixpath.join(saved_model, tf.saved_model.ASSETS_DIRECTORY)
    now = posixpath.join(transform_graph, "transform_fn", tf.saved_model.ASSETS_DIRECTORY)
    if not (tf.io.gfile.isdir(then) and tf.io.gfile.isdir(now)):
        return []
    found = []
    for name in sorted(set(tf.io.gfile.listdir(then)) & set(tf.io.gfile.listdir(now))):
        old, new = _words(posixpath.join(then, name)), _words(posixpath.join(now, name))
        moved = sum(1 for i, word in enumerate(new) if i >= len(old) or old[i] != word)
        if moved:
            found.append(f"{name} has changed ({moved} of {len(new)} ids)")
    return found


def _words(path: str) -> list[bytes]:
    with tf.io.gfile.GFile(path, "rb") as file:
        return file.read().splitlines()
