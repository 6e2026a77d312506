"""The result of a training: which checkpoint becomes the model, or why no checkpoint can."""

from __future__ import annotations

import math
import posixpath
from dataclasses import dataclass, field

import tensorflow as tf

from trainer_module.checkpoints.evaluations import Evaluation, EvaluationSummary
from trainer_module.training.prepared import PreparedTraining


class TrainingError(RuntimeError):
    """A training did not reach its end, or its last checkpoint is not a usable model."""


@dataclass(frozen=True)
class TrainingResult:
    """A finished training.

    Attributes:
        steps: the global step at which it ended.
        resumed_from: the global step from which it continued; 0 for a training from the start.
        ended_by: "steps", or the stop rule in words ("no better auc in 500 steps").
        best_step: the global step of the best checkpoint.
        checkpoint: path of the checkpoint that becomes the model.
        saved_model: folder of the SavedModel exported from it.
        metrics: the Estimator's own metrics of that checkpoint.
    """

    steps: int
    resumed_from: int
    ended_by: str
    best_step: int
    checkpoint: str
    saved_model: str
    metrics: dict[str, float] = field(default_factory=dict)


def of(training: PreparedTraining, resumed_from: int) -> TrainingResult:
    """Returns the result of a training that has ended, and exports its model if that has not been done.

    Raises:
        TrainingError: the training ended before its last step, or no evaluation had a finite loss and metric.
    """
    settings, step, summary = training.settings, training.step(), training.evaluations.read()
    if step < settings.steps and not summary.out_of_patience(settings.patience):
        raise TrainingError(
            f"The training ended at step {step} of {settings.steps}. The input had no more rows: "
            "is the training split empty, or smaller than one batch?"
        )
    best, exported = _best_and_exported(training, summary, step)
    return TrainingResult(
        steps=step,
        resumed_from=resumed_from,
        ended_by="steps" if step >= settings.steps else f"no better {settings.best} in {settings.patience} steps",
        best_step=best.step,
        checkpoint=posixpath.join(training.folder, exported.checkpoint),
        saved_model=_saved_model(training, exported),
        metrics=exported.metrics,
    )


def _best_and_exported(training: PreparedTraining, summary: EvaluationSummary, step: int) -> tuple[Evaluation, Evaluation]:
    """Returns the best evaluation, and the evaluation of the checkpoint that becomes the model. Its loss is finite."""
    best, last = summary.best, summary.last
    exported = best if training.settings.export == "best" else last
    if best and exported and math.isfinite(exported.metrics["loss"]):
        return best, exported
    loss = last.metrics["loss"] if last else math.nan
    if not math.isfinite(loss):
        raise TrainingError(diverged(loss, f"at step {step}"))
    raise TrainingError(f"The training reached step {step}, but no evaluation had a finite {training.settings.best}.")


def _saved_model(training: PreparedTraining, evaluation: Evaluation) -> str:
    """Returns the export of a checkpoint, and makes it if necessary: a FinalExporter exports only at the last step."""
    if evaluation.saved_model:
        saved_model = posixpath.join(training.folder, evaluation.saved_model)
        if tf.io.gfile.exists(posixpath.join(saved_model, tf.saved_model.SAVED_MODEL_FILENAME_PB)):
            return saved_model
    checkpoint = posixpath.join(training.folder, evaluation.checkpoint)
    export_path = training.estimator.export_saved_model(
        training.exports_folder(), training.receiver_fn, checkpoint_path=checkpoint
    )
    saved_model = tf.compat.as_str(export_path)
    training.evaluations.exported(evaluation, saved_model)
    return saved_model


def diverged(loss: object, where: str) -> str:
    """Returns the message about a loss that is not finite. `where`: "at step 3"."""
    return (
        f"The loss is {loss} {where}: the training has diverged. "
        "A smaller learning rate, or features without extreme values, may help."
    )
