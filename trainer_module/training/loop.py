"""The training loop: `tf.estimator.train_and_evaluate`, continued from the newest checkpoint."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from trainer_module.checkpoints.checkpoints import step_of
from trainer_module.supervision.control import InterruptHook
from trainer_module.training import result
from trainer_module.training.cadence import Cadence
from trainer_module.training.checkpoint_hook import CheckpointHook, EvaluationBudgetHook
from trainer_module.training.prepared import PreparedTraining
from trainer_module.training.progress import ProgressHook
from trainer_module.training.result import TrainingError, TrainingResult
from trainer_module.training.settings import TrainSettings


def train(training: PreparedTraining) -> TrainingResult:
    """Trains to `settings.steps`, or until the stop rule ends the training, and exports one SavedModel.

    Continues from the newest checkpoint in the training's folder. A finished training is not trained further, unless it gets
    more steps, or, if the stop rule ended it, more patience.

    Raises:
        trainer_module.training.result.TrainingError: the training ended before `settings.steps`, or the loss is not finite.
        trainer_module.checkpoints.evaluations.MissingMetricError: the Estimator does not report `settings.best`.
        trainer_module.supervision.control.InterruptedTraining: a signal stopped the training; all steps are in a checkpoint.
    """
    steps, resumed_from = training.settings.steps, training.step()
    if not resumed_from:
        training.evaluations.clear()
    elif resumed_from < steps and _is_always_evaluated(training.settings, resumed_from):
        # The process may have been killed after it saved this checkpoint and before it evaluated it.
        evaluate_last(training)
    if resumed_from < steps and not training.out_of_patience():
        run_train_and_evaluate(training)
    else:  # for a finished training, train_and_evaluate would do nothing
        evaluate_last(training)
    training.control.raise_if_stopping()
    return result.of(training, resumed_from)


def run_train_and_evaluate(training: PreparedTraining, more_hooks: Sequence[tf.estimator.SessionRunHook] = ()) -> None:
    """Runs `tf.estimator.train_and_evaluate`: the whole training, or, in a cluster, the part of the Estimator's role.

    Args:
        training: what to train.
        more_hooks: run with every training step.

    Raises:
        See `train`.
    """
    settings = training.settings
    hooks, eval_hooks = _hooks(training, more_hooks)
    try:
        tf.estimator.train_and_evaluate(
            training.estimator,
            tf.estimator.TrainSpec(training.train_input_fn, max_steps=settings.steps, hooks=hooks),
            tf.estimator.EvalSpec(
                training.eval_input_fn,
                steps=None,
                hooks=eval_hooks,
                exporters=[training.exporter()],
                # The hook that saves checkpoints decides when to evaluate.
                start_delay_secs=0,
                throttle_secs=0,
            ),
        )
    except tf.estimator.NanLossDuringTrainingError:
        raise TrainingError(result.diverged("nan", f"soon after step {step_of(training.folder)}")) from None


def evaluate_last(training: PreparedTraining) -> bool:
    """Evaluates and exports the newest checkpoint unless that has been done before. Returns whether it did so now."""
    last, step = training.evaluations.read().last, training.step()
    if not step or (last and last.step >= step):
        return False
    checkpoint = training.estimator.latest_checkpoint()
    metrics = training.estimator.evaluate(
        training.eval_input_fn, checkpoint_path=checkpoint, hooks=[InterruptHook(training.control)]
    )
    training.exporter().export(
        training.estimator,
        training.exports_folder(),
        checkpoint,
        metrics,
        is_the_final_export=step >= training.settings.steps,
    )
    return True


def _hooks(
    training: PreparedTraining, more_hooks: Sequence[tf.estimator.SessionRunHook]
) -> tuple[list[tf.estimator.SessionRunHook], list[tf.estimator.SessionRunHook]]:
    """Returns the hooks of the training steps and those of the evaluations."""
    settings, control = training.settings, training.control
    progress, interrupt = ProgressHook(settings.steps, control), InterruptHook(control)
    if not training.estimator.config.is_chief:
        return [progress, *more_hooks, interrupt], [interrupt]
    cadence = Cadence(settings.checkpoint_steps, settings.eval_seconds, settings.overhead)
    saver = CheckpointHook(training.folder, cadence, control, training.out_of_patience)
    return [progress, *more_hooks, saver], [interrupt, EvaluationBudgetHook(cadence)]


def _is_always_evaluated(settings: TrainSettings, step: int) -> bool:
    """Whether the settings alone, not the clock, say that the checkpoint of a step is evaluated."""
    return settings.eval_seconds == 0 and settings.checkpoint_steps is not None and step % settings.checkpoint_steps == 0
