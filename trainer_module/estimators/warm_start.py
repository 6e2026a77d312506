"""Warm start: a new training begins with the weights of a model that was trained before."""

from __future__ import annotations

import logging
import posixpath
from dataclasses import dataclass

import tensorflow as tf

from trainer_module.files import atomic

_log = logging.getLogger(__name__)

_REPORT_FILE = "warm_start.txt"


class WarmStartError(ValueError):
    """A model that a training cannot start from. The message says why."""


@dataclass(frozen=True)
class WarmStartResult:
    """Which variables a warm start has initialised.

    Attributes:
        taken: variables that begin with the weights of the other model.
        not_taken: variable -> why it begins as the model file says.
        unused: variables of the other model that this model does not have.
    """

    taken: list[str]
    not_taken: dict[str, str]
    unused: list[str]


@dataclass(frozen=True)
class WarmStart:
    """The model that a training starts from.

    Attributes:
        saved_model: folder of a SavedModel that an Estimator has exported.
        transform_graph: Transform's output for the new training, to compare the vocabularies; None skips this comparison.
    """

    saved_model: str
    transform_graph: str | None = None

    def begin(self, folder: str) -> None:
        """Initialises the variables of the default graph, and reports which ones.

        Args:
            folder: the training's folder.

        Raises:
            WarmStartError: see `initialise_from`.
        """
        report(initialise_from(self.saved_model), self, folder)


def initialise_from(saved_model: str) -> WarmStartResult:
    """Initialises variables of the default graph with the weights of a SavedModel: those of the same name and shape.

    A SavedModel contains no variables of the optimizer and no global step, so these start from their initial values. Call this
    after the model has been built and before its session exists. A checkpoint takes precedence, because it is restored later.

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
    not_taken = {name: reason for name, v in variables.items() if (reason := _why_not(v, shapes.get(name)))}
    taken = sorted(set(variables) - set(not_taken))
    unused = sorted(set(shapes) - set(variables) - {tf.compat.v1.GraphKeys.GLOBAL_STEP})
    # The champion may be another kind of model. Then no variable fits, which is not an error.
    if taken:
        tf.compat.v1.train.init_from_checkpoint(checkpoint, {name: variables[name] for name in taken})
    return WarmStartResult(taken, not_taken, unused)


def report(result: WarmStartResult, start: WarmStart, folder: str) -> None:
    """Describes a warm start in one paragraph: in the log, and in a file of the training's folder (`read_report`).

    Args:
        result: returned by `initialise_from`.
        start: the model that the training started from.
        folder: the training's folder.
    """
    taken_text = "no variable fits, so this training starts from new weights"
    if result.taken:
        taken_text = f"{len(result.taken)} variables taken ({', '.join(result.taken)})"
    sentences = [f"Warm start from {start.saved_model}: {taken_text}."]
    if result.not_taken:
        reasons = "; ".join(f"{name} ({why})" for name, why in sorted(result.not_taken.items()))
        sentences.append(f"Not taken: {reasons}.")
    if result.unused:
        sentences.append(f"Not in this model: {', '.join(result.unused)}.")
    changed = _changed_vocabularies(start.saved_model, start.transform_graph) if start.transform_graph else []
    if result.taken and changed:
        sentences.append(
            f"{'; '.join(changed)}: the rows of an embedding keep their positions, so some words start with others' weights."
        )
    text = " ".join(sentences)
    _log.info(text)
    atomic.write(posixpath.join(folder, _REPORT_FILE), text)


def read_report(folder: str) -> str | None:
    """Returns the report of a training's warm start; None if there was no warm start."""
    path = posixpath.join(folder, _REPORT_FILE)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        return file.read()


def _why_not(variable: tf.Variable, shape: list[int] | None) -> str | None:
    """Returns why a variable cannot have the other model's weights; None if it can. `shape`: of these weights."""
    if shape is None:
        return "the other model has no variable of that name"
    if variable.shape.as_list() != list(shape):
        return f"its shape is {variable.shape.as_list()}, in the other model {list(shape)}"
    return None


def _changed_vocabularies(saved_model: str, transform_graph: str) -> list[str]:
    """Compares the vocabulary files that exist on both sides. Returns a sentence for each file that differs."""
    old_folder = posixpath.join(saved_model, tf.saved_model.ASSETS_DIRECTORY)
    new_folder = posixpath.join(transform_graph, "transform_fn", tf.saved_model.ASSETS_DIRECTORY)
    if not (tf.io.gfile.isdir(old_folder) and tf.io.gfile.isdir(new_folder)):
        return []
    sentences = []
    for name in sorted(set(tf.io.gfile.listdir(old_folder)) & set(tf.io.gfile.listdir(new_folder))):
        old, new = _words(posixpath.join(old_folder, name)), _words(posixpath.join(new_folder, name))
        changed_ids = sum(1 for i, word in enumerate(new) if i >= len(old) or old[i] != word)
        if changed_ids:
            sentences.append(f"{name} has changed ({changed_ids} of {len(new)} ids)")
    return sentences


def _words(path: str) -> list[bytes]:
    with tf.io.gfile.GFile(path, "rb") as file:
        return file.read().splitlines()
