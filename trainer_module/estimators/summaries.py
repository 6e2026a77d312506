"""What TensorBoard shows of a training beside loss and metrics: learning rate, size of the gradients, histograms.

Of any Estimator, canned, custom or converted: all of it is found in the graph that its `model_fn` has built.
"""

from __future__ import annotations

import tensorflow as tf

LOSS = "loss"
LEARNING_RATE = "learning_rate"
GRADIENT_NORM = "gradient_norm"

# How the ops that update a variable (ResourceApplyAdam, ...) call the rate.
_RATES = ("lr", "alpha")


def write(loss: tf.Tensor, *, histograms: bool) -> None:
    """Adds summaries to the graph of a training; they are computed only in the steps that write summaries.

    Args:
        loss: scalar.
        histograms: whether to add one of every variable and of its gradient.
    """
    _loss(loss)
    _learning_rates()
    variables = tf.compat.v1.trainable_variables()
    gradients = _gradients(loss, variables)
    if gradients:
        tf.compat.v1.summary.scalar(GRADIENT_NORM, tf.linalg.global_norm(list(gradients.values())))
    if histograms:
        for variable in variables:
            _histogram(f"weights/{variable.op.name}", variable)
        for name, gradient in gradients.items():
            _histogram(f"gradients/{name}", gradient)


def _loss(loss: tf.Tensor) -> None:
    """Under its own name, so that the training's curve and the evaluation's share a chart.

    Estimator writes it too if no summary has this name, but calls it loss_1 where a model has a scope named loss, like every
    Keras model.
    """
    if LOSS not in _written():
        # The slash makes the name a given one, which is not made unique.
        summary = tf.raw_ops.ScalarSummary(tags=LOSS, values=loss, name=f"{LOSS}/")
        tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.SUMMARIES, summary)


def _learning_rates() -> None:
    """One number, or one an optimizer if there are several. A model that writes its own keeps it."""
    if any(name.split("/")[0] == LEARNING_RATE for name in _written()):
        return
    rates: dict[str, tf.Tensor] = {}  # optimizer -> rate; it may have several tensors of it, one a type
    for op in tf.compat.v1.get_default_graph().get_operations():
        if "Apply" in op.type:
            for argument, tensor in zip(op.op_def.input_arg, op.inputs, strict=False):
                if argument.name in _RATES:
                    rates.setdefault(tensor.op.name.rpartition("/")[0].rpartition("/")[2], tensor)
    if not rates:  # an optimizer without such an op, like Keras' RMSprop
        found = (v for v in tf.compat.v1.global_variables() if v.op.name.rpartition("/")[2] == LEARNING_RATE)
        rates = {v.op.name.rpartition("/")[0].rpartition("/")[2]: v for v in found}
    for optimizer, rate in rates.items():
        tf.compat.v1.summary.scalar(f"{LEARNING_RATE}/{optimizer}" if len(rates) > 1 else LEARNING_RATE, rate)


def _written() -> set[str]:
    return {s.op.name for s in tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.SUMMARIES)}


def _gradients(loss: tf.Tensor, variables: list[tf.Variable]) -> dict[str, tf.Tensor]:
    """Returns variable name -> gradient of the loss, before an optimizer clips it.

    They are derived once more, 0.1 to 0.75 s for the models here: the optimizer's own cannot be found in the graph where
    it updates rows of an embedding.
    """
    if tf.distribute.has_strategy():  # a variable is several there
        return {}
    try:
        found = tf.gradients(loss, variables)
    except LookupError:  # an op without a gradient: such a model is not trained by gradients
        return {}
    return {v.op.name: _dense(g) for v, g in zip(variables, found, strict=True) if g is not None}


def _dense(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor:
    """Adds up what belongs to the same row of an embedding; rows without gradient are left out."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, positions = tf.unique(gradient.indices)
    return tf.math.unsorted_segment_sum(gradient.values, positions, tf.size(rows))


def _histogram(name: str, values: tf.Tensor) -> None:
    """A histogram of a value that is not finite would fail the step, before the loss can say that the training diverged."""
    flat = tf.reshape(values, [-1])
    tf.compat.v1.summary.histogram(name, tf.boolean_mask(flat, tf.math.is_finite(flat)))
