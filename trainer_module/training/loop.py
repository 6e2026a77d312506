"""train_and_evaluate, and what counts as a finished training."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import tensorflow as tf

from trainer_module import export
from trainer_module.inputs import InputFn
from trainer_module.training.progress import ProgressHook

EXPORTER = "final"


class TrainingError(RuntimeError):
    """A training that did not reach its end, or reached it with nothing to show."""


@dataclass(frozen=True)
class Plan:
    """How long to train and how often to look.

    Attributes:
        steps: the global step at which the training ends.
        eval_seconds: at least that long between two evaluations on the way.
    """

    steps: int
    eval_seconds: int


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        steps: the global step it ended at.
        resumed_from: the global step it began at; 0 for a training from the start.
        ended_by: what ended it: "steps".
        checkpoint: the checkpoint that was exported.
        saved_model: the folder of the exported SavedModel.
        metrics: the Estimator's own, of the last evaluation.
    """

    steps: int
    resumed_from: int
    ended_by: str
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
    """Trains to `plan.steps`, evaluates, exports. Continues from the newest checkpoint of the Estimator's `model_dir`.

    Raises:
        TrainingError: it ended before `plan.steps`, the loss is not finite, or nothing was exported.
    """
    resumed_from = step_of(estimator.model_dir)
    if resumed_from < plan.steps:
        try:
            metrics, exports = _train_and_evaluate(estimator, plan, train_input_fn, eval_input_fn, receiver_fn)
        except tf.estimator.NanLossDuringTrainingError:
            raise TrainingError(_diverged("nan", f"soon after step {step_of(estimator.model_dir)}")) from None
    else:  # train_and_evaluate does nothing at all for a training that is done, not even its export
        metrics = estimator.evaluate(eval_input_fn)
        exports = [estimator.export_saved_model(str(Path(estimator.model_dir) / "export" / EXPORTER), receiver_fn)]
    return _checked(estimator, plan, resumed_from, metrics or {}, [e for e in exports or [] if e])


def _train_and_evaluate(
    estimator: tf.estimator.Estimator,
    plan: Plan,
    train_input_fn: InputFn,
    eval_input_fn: InputFn,
    receiver_fn: export.ReceiverFn,
) -> tuple[dict[str, float], list[bytes | str]]:
    return tf.estimator.train_and_evaluate(
        estimator,
        tf.estimator.TrainSpec(train_input_fn, max_steps=plan.steps, hooks=[ProgressHook(plan.steps)]),
        tf.estimator.EvalSpec(
            eval_input_fn,
            steps=None,
            exporters=[tf.estimator.FinalExporter(EXPORTER, receiver_fn)],
            # The first evaluation need not wait; the default of 600 s leaves short trainings without any.
            start_delay_secs=0,
            throttle_secs=plan.eval_seconds,
        ),
    )


def _diverged(loss: object, when: str) -> str:
    return (
        f"The loss is {loss} {when}: the training has diverged. "
        "A smaller learning rate, or features without extreme values, may help."
    )


def _checked(
    estimator: tf.estimator.Estimator,
    plan: Plan,
    resumed_from: int,
    metrics: dict[str, float],
    exports: list[bytes | str],
) -> Trained:
    reached = step_of(estimator.model_dir)
    if reached < plan.steps:
        raise TrainingError(
            f"The training ended at step {reached} of {plan.steps}. An input that runs dry does that: "
            "is the training split empty, or smaller than one batch?"
        )
    if not math.isfinite(metrics.get("loss", math.nan)):
        raise TrainingError(_diverged(metrics.get("loss"), f"at step {reached}"))
    if not exports:
        raise TrainingError(f"The training reached step {reached}, but exported no SavedModel.")
    return Trained(
        steps=reached,
        resumed_from=resumed_from,
        ended_by="steps",
        checkpoint=estimator.latest_checkpoint(),
        saved_model=tf.compat.as_str(exports[-1]),
        metrics={name: float(value) for name, value in metrics.items()},
    )


def step_of(model_dir: str) -> int:
    """Returns the global step of the newest checkpoint in a folder, 0 if there is none."""
    checkpoint = tf.train.latest_checkpoint(model_dir)
    return int(tf.train.load_variable(checkpoint, "global_step")) if checkpoint else 0
