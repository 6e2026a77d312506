"""train_and_evaluate, and what counts as a finished training."""

from __future__ import annotations

import math
import posixpath
from dataclasses import dataclass, field

import tensorflow as tf

from data.tasks import Direction
from trainer_module import export
from trainer_module.inputs import InputFn
from trainer_module.training import exporters
from trainer_module.training.evaluations import Evaluation, Evaluations
from trainer_module.training.progress import ProgressHook
from trainer_module.training.stopping import StopHook


class TrainingError(RuntimeError):
    """A training that did not reach its end, or reached it with nothing to show."""


@dataclass(frozen=True)
class Plan:
    """How long to train, how often to look, and what to hand on.

    Attributes:
        steps: the global step at which the training ends, at the latest.
        eval_seconds: at least that long between two evaluations on the way; 0 evaluates every checkpoint.
        best: the metric by which one checkpoint is better than another.
        direction: which way it gets better.
        patience: steps without a better one after which the training ends; 0 trains all steps.
        export: which checkpoint's model is handed on: the "best" one's, the "latest" one's (every evaluated checkpoint is
            exported) or the "final" one's (only the last is).
    """

    steps: int
    eval_seconds: int
    best: str = "loss"
    direction: Direction = "lower"
    patience: int = 0
    export: exporters.Kind = "best"


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        steps: the global step it ended at.
        resumed_from: the global step it began at; 0 for a training from the start.
        ended_by: what ended it: "steps", or the stop rule in words ("no better auc in 500 steps").
        best_step: the global step of the best checkpoint.
        checkpoint: the checkpoint that is handed on.
        saved_model: the folder of the SavedModel that was exported from it.
        metrics: the Estimator's own, of that checkpoint.
    """

    steps: int
    resumed_from: int
    ended_by: str
    best_step: int
    checkpoint: str
    saved_model: str
    metrics: dict[str, float] = field(default_factory=dict)


def train(
    estimator: tf.estimator.Estimator,
    plan: Plan,
    train_input_fn: InputFn,
    eval_input_fn: InputFn,
    receiver_fn: export.ReceiverFn,
) -> Trained:
    """Trains to `plan.steps`, or to where the stop rule ends it, and hands on one SavedModel.

    Continues from the newest checkpoint of the Estimator's `model_dir`. A training that is done is not trained on, unless
    it gets more steps, or, if it was stopped, more patience.

    Raises:
        TrainingError: it ended before `plan.steps`, or the loss is not finite.
        trainer_module.training.evaluations.MissingMetricError: the Estimator does not report `plan.best`.
    """
    evaluations = Evaluations(estimator.model_dir, plan.best, plan.direction)
    resumed_from = step_of(estimator.model_dir)
    if not resumed_from:
        evaluations.clear()
    exporter = exporters.build(plan.export, evaluations, receiver_fn, estimator.config.keep_checkpoint_max or None)
    if resumed_from < plan.steps and not evaluations.stalled(plan.patience):
        try:
            _train_and_evaluate(estimator, plan, train_input_fn, eval_input_fn, exporter, evaluations)
        except tf.estimator.NanLossDuringTrainingError:
            raise TrainingError(_diverged("nan", f"soon after step {step_of(estimator.model_dir)}")) from None
    else:  # train_and_evaluate does nothing at all for a training that is done
        _evaluate_last(estimator, eval_input_fn, exporter, evaluations)
    return _hand_on(estimator, plan, resumed_from, evaluations, receiver_fn)


def _train_and_evaluate(
    estimator: tf.estimator.Estimator,
    plan: Plan,
    train_input_fn: InputFn,
    eval_input_fn: InputFn,
    exporter: tf.estimator.Exporter,
    evaluations: Evaluations,
) -> None:
    hooks: list[tf.estimator.SessionRunHook] = [ProgressHook(plan.steps)]
    if plan.patience:
        hooks.append(StopHook(evaluations, plan.patience, estimator.config.save_checkpoints_steps))
    tf.estimator.train_and_evaluate(
        estimator,
        tf.estimator.TrainSpec(train_input_fn, max_steps=plan.steps, hooks=hooks),
        tf.estimator.EvalSpec(
            eval_input_fn,
            steps=None,
            exporters=[exporter],
            # The first evaluation need not wait; the default of 600 s leaves short trainings without any.
            start_delay_secs=0,
            throttle_secs=plan.eval_seconds,
        ),
    )


def _evaluate_last(
    estimator: tf.estimator.Estimator, eval_input_fn: InputFn, exporter: tf.estimator.Exporter, evaluations: Evaluations
) -> None:
    """Evaluates the newest checkpoint, if whoever wrote it did not live to do so."""
    last = evaluations.read().last
    if last and last.step >= step_of(estimator.model_dir):
        return
    checkpoint = estimator.latest_checkpoint()
    metrics = estimator.evaluate(eval_input_fn, checkpoint_path=checkpoint)
    exporter.export(estimator, _exports(estimator, exporter.name), checkpoint, metrics, is_the_final_export=True)


def _hand_on(
    estimator: tf.estimator.Estimator,
    plan: Plan,
    resumed_from: int,
    evaluations: Evaluations,
    receiver_fn: export.ReceiverFn,
) -> Trained:
    reached, found = step_of(estimator.model_dir), evaluations.read()
    if reached < plan.steps and not evaluations.stalled(plan.patience):
        raise TrainingError(
            f"The training ended at step {reached} of {plan.steps}. An input that runs dry does that: "
            "is the training split empty, or smaller than one batch?"
        )
    chosen = found.best if plan.export == "best" else found.last
    if not chosen or not found.best or not math.isfinite(chosen.metrics["loss"]):
        loss = found.last.metrics["loss"] if found.last else math.nan
        if not math.isfinite(loss):
            raise TrainingError(_diverged(loss, f"at step {reached}"))
        raise TrainingError(f"The training reached step {reached}, but no evaluation had a finite {plan.best}.")
    return Trained(
        steps=reached,
        resumed_from=resumed_from,
        ended_by="steps" if reached >= plan.steps else f"no better {plan.best} in {plan.patience} steps",
        best_step=found.best.step,
        checkpoint=posixpath.join(estimator.model_dir, chosen.checkpoint),
        saved_model=_saved_model(estimator, plan, chosen, evaluations, receiver_fn),
        metrics=chosen.metrics,
    )


def _saved_model(
    estimator: tf.estimator.Estimator,
    plan: Plan,
    chosen: Evaluation,
    evaluations: Evaluations,
    receiver_fn: export.ReceiverFn,
) -> str:
    """Returns the export of a checkpoint, made now if there is none: a FinalExporter knows of no end but the last step."""
    if chosen.saved_model:
        saved_model = posixpath.join(estimator.model_dir, chosen.saved_model)
        if tf.io.gfile.exists(posixpath.join(saved_model, tf.saved_model.SAVED_MODEL_FILENAME_PB)):
            return saved_model
    checkpoint = posixpath.join(estimator.model_dir, chosen.checkpoint)
    made = estimator.export_saved_model(_exports(estimator, plan.export), receiver_fn, checkpoint_path=checkpoint)
    evaluations.exported(chosen, tf.compat.as_str(made))
    return tf.compat.as_str(made)


def _exports(estimator: tf.estimator.Estimator, name: str) -> str:
    """Where train_and_evaluate puts the exports of an exporter."""
    return posixpath.join(estimator.model_dir, "export", name)


def _diverged(loss: object, when: str) -> str:
    return (
        f"The loss is {loss} {when}: the training has diverged. "
        "A smaller learning rate, or features without extreme values, may help."
    )


def step_of(model_dir: str) -> int:
    """Returns the global step of the newest checkpoint in a folder, 0 if there is none."""
    checkpoint = tf.train.latest_checkpoint(model_dir)
    return int(tf.train.load_variable(checkpoint, "global_step")) if checkpoint else 0
