"""train_and_evaluate, and what counts as a finished training."""

from __future__ import annotations

import math
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import tensorflow as tf

from data import TASKS
from data.tasks import Direction, Task
from trainer_module.checkpoints.checkpoints import step_of
from trainer_module.checkpoints.evaluations import Evaluation, Evaluations
from trainer_module.inputs import InputFn
from trainer_module.serving.receiver import ReceiverFn
from trainer_module.supervision.watchdog import Control, InterruptHook
from trainer_module.training import exporters
from trainer_module.training.cadence import Cadence
from trainer_module.training.checkpoint_hook import CheckpointHook, EvaluationBudgetHook
from trainer_module.training.progress import ProgressHook
from trainer_module.training.settings import Export, Settings


class TrainingError(RuntimeError):
    """A training that did not reach its end, or reached it with nothing to show."""


@dataclass(frozen=True)
class Plan:
    """How long to train, how often to look, and what to hand on: see `Settings`.

    Attributes:
        direction: which way `best` gets better.
    """

    steps: int
    best: str = "loss"
    direction: Direction = "lower"
    patience: int = 0
    export: Export = "best"
    checkpoint_steps: int | None = None
    eval_seconds: int | None = None
    overhead: float = 0.2


def plan(settings: Settings, task: Task) -> Plan:
    """Returns the plan of a training for a task."""
    return Plan(
        direction=TASKS[task].metrics[settings.best],
        **{f.name: getattr(settings, f.name) for f in fields(Plan) if f.name != "direction"},
    )


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
    receiver_fn: ReceiverFn,
    control: Control | None = None,
) -> Trained:
    """Trains to `plan.steps`, or to where the stop rule ends it, and hands on one SavedModel.

    Continues from the newest checkpoint of the Estimator's `model_dir`. A training that is done is not trained on, unless
    it gets more steps, or, if it was stopped, more patience.

    Args:
        estimator: with the `model_dir`.
        plan: how.
        train_input_fn: that begins with the rows of the step that comes next.
        eval_input_fn: one pass.
        receiver_fn: inputs of the served model.
        control: of whoever watches.

    Raises:
        TrainingError: it ended before `plan.steps`, or the loss is not finite.
        trainer_module.checkpoints.evaluations.MissingMetricError: the Estimator does not report `plan.best`.
        trainer_module.supervision.watchdog.InterruptedTraining: the control asked for it; the newest checkpoint has all.
    """
    control = control or Control()
    evaluations = evaluations_of(estimator, plan)
    resumed_from = step_of(estimator.model_dir)
    if not resumed_from:
        evaluations.clear()
    elif resumed_from < plan.steps and _is_evaluated(plan, resumed_from):  # if nobody lived to do it
        evaluate_last(estimator, plan, eval_input_fn, receiver_fn, control)
    if resumed_from < plan.steps and not evaluations.read().out_of_patience(plan.patience):
        take_part(estimator, plan, train_input_fn, eval_input_fn, receiver_fn, control)
    else:  # train_and_evaluate does nothing at all for a training that is done
        evaluate_last(estimator, plan, eval_input_fn, receiver_fn, control)
    control.raise_if_stopping()
    return _hand_on(estimator, plan, resumed_from, evaluations, receiver_fn)


def take_part(
    estimator: tf.estimator.Estimator,
    plan: Plan,
    train_input_fn: InputFn,
    eval_input_fn: InputFn,
    receiver_fn: ReceiverFn,
    control: Control,
    more_hooks: Sequence[tf.estimator.SessionRunHook] = (),
) -> None:
    """Runs train_and_evaluate: the whole training, or, in a cluster, the part of the Estimator's role.

    The arguments and errors are those of `train`; `more_hooks` are run with every step.
    """
    evaluations = evaluations_of(estimator, plan)
    hooks: list[tf.estimator.SessionRunHook] = [ProgressHook(plan.steps, control), *more_hooks]
    eval_hooks: list[tf.estimator.SessionRunHook] = [InterruptHook(control)]
    if estimator.config.is_chief:
        cadence = Cadence(plan.checkpoint_steps, plan.eval_seconds, plan.overhead)
        eval_hooks.append(EvaluationBudgetHook(cadence))
        hooks.append(
            CheckpointHook(estimator.model_dir, cadence, control, lambda: evaluations.read().out_of_patience(plan.patience))
        )
    else:
        hooks.append(InterruptHook(control))
    try:
        tf.estimator.train_and_evaluate(
            estimator,
            tf.estimator.TrainSpec(train_input_fn, max_steps=plan.steps, hooks=hooks),
            tf.estimator.EvalSpec(
                eval_input_fn,
                steps=None,
                hooks=eval_hooks,
                exporters=[_exporter(estimator, plan, receiver_fn, control)],
                # When is decided by the hook that saves checkpoints.
                start_delay_secs=0,
                throttle_secs=0,
            ),
        )
    except tf.estimator.NanLossDuringTrainingError:
        raise TrainingError(_diverged("nan", f"soon after step {step_of(estimator.model_dir)}")) from None


def _is_evaluated(plan: Plan, step: int) -> bool:
    """Whether a training that is not cut off evaluates its checkpoint at a step, whatever the time."""
    return plan.eval_seconds == 0 and plan.checkpoint_steps is not None and step % plan.checkpoint_steps == 0


def evaluations_of(estimator: tf.estimator.Estimator, plan: Plan) -> Evaluations:
    """Returns the record of a training's evaluations."""
    return Evaluations(estimator.model_dir, plan.best, plan.direction)


def _exporter(
    estimator: tf.estimator.Estimator, plan: Plan, receiver_fn: ReceiverFn, control: Control
) -> exporters.RememberingExporter:
    keep = estimator.config.keep_checkpoint_max or None
    return exporters.build(plan.export, evaluations_of(estimator, plan), receiver_fn, keep, control)


def evaluate_last(
    estimator: tf.estimator.Estimator, plan: Plan, eval_input_fn: InputFn, receiver_fn: ReceiverFn, control: Control
) -> bool:
    """Evaluates and exports the newest checkpoint, unless that was done. Returns whether there was something to do."""
    last, step = evaluations_of(estimator, plan).read().last, step_of(estimator.model_dir)
    if not step or (last and last.step >= step):
        return False
    checkpoint = estimator.latest_checkpoint()
    metrics = estimator.evaluate(eval_input_fn, checkpoint_path=checkpoint, hooks=[InterruptHook(control)])
    exporter = _exporter(estimator, plan, receiver_fn, control)
    folder = _exports(estimator, exporter.name)
    exporter.export(estimator, folder, checkpoint, metrics, is_the_final_export=step >= plan.steps)
    return True


def _hand_on(
    estimator: tf.estimator.Estimator,
    plan: Plan,
    resumed_from: int,
    evaluations: Evaluations,
    receiver_fn: ReceiverFn,
) -> Trained:
    reached, found = step_of(estimator.model_dir), evaluations.read()
    if reached < plan.steps and not evaluations.read().out_of_patience(plan.patience):
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
    receiver_fn: ReceiverFn,
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
