"""Summaries of a training for TensorBoard: loss, learning rate, norm of the gradients, histograms.

They are derived from the graph that a `model_fn` has built, so every Estimator has them: canned, custom or converted.
"""

from __future__ import annotations

import tensorflow as tf

LOSS = "loss"
LEARNING_RATE = "learning_rate"
GRADIENT_NORM = "gradient_norm"

# The names of the learning rate among the arguments of the ops that update a variable (ResourceApplyAdam, ...).
_RATES = ("lr", "alpha")


def write(loss: tf.Tensor, *, histograms: bool) -> None:
    """Adds summaries to the graph of a training. They are computed only in the steps that write summaries.

    Args:
        loss: scalar.
        histograms: whether to add a histogram of every variable and of its gradient.
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
    """Adds the loss under the name "loss", so that training and evaluation share a chart.

    Estimator adds it too if no summary has this name. But it calls it loss_1 if the model has a scope named loss, as every
    Keras model has.
    """
    if LOSS not in _existing_summaries():
        # TensorFlow takes a name that ends in a slash as it is, and does not make it unique.
        summary = tf.raw_ops.ScalarSummary(tags=LOSS, values=loss, name=f"{LOSS}/")
        tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.SUMMARIES, summary)


def _learning_rates() -> None:
    """Adds the learning rate of each optimizer. A model that writes its own keeps it."""
    if any(name.split("/")[0] == LEARNING_RATE for name in _existing_summaries()):
        return
    rates: dict[str, tf.Tensor] = {}  # optimizer -> rate; an optimizer may have several tensors of it, one for each type
    for op in tf.compat.v1.get_default_graph().get_operations():
        if "Apply" in op.type:
            for argument, tensor in zip(op.op_def.input_arg, op.inputs, strict=False):
                if argument.name in _RATES:
                    rates.setdefault(tensor.op.name.rpartition("/")[0].rpartition("/")[2], tensor)
    if not rates:  # an optimizer without such an op, like Keras' RMSprop
        variables = (v for v in tf.compat.v1.global_variables() if v.op.name.rpartition("/")[2] == LEARNING_RATE)
        rates = {v.op.name.rpartition("/")[0].rpartition("/")[2]: v for v in variables}
    for optimizer, rate in rates.items():
        tf.compat.v1.summary.scalar(f"{LEARNING_RATE}/{optimizer}" if len(rates) > 1 else LEARNING_RATE, rate)


def _existing_summaries() -> set[str]:
    return {s.op.name for s in tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.SUMMARIES)}


def _gradients(loss: tf.Tensor, variables: list[tf.Variable]) -> dict[str, tf.Tensor]:
    """Returns variable name -> gradient of the loss, before an optimizer clips it.

    Derives the gradients a second time, which takes 0.1 to 0.75 s for the models here: where an optimizer updates rows of an
    embedding, its own gradients cannot be found in the graph.
    """
    if tf.distribute.has_strategy():  # there, a variable has several copies
        return {}
    try:
        gradients = tf.gradients(loss, variables)
    except LookupError:  # an op has no gradient: such a model is not trained by gradients
        return {}
    return {v.op.name: _dense(g) for v, g in zip(variables, gradients, strict=True) if g is not None}


def _dense(gradient: tf.Tensor | tf.IndexedSlices) -> tf.Tensor:
    """Returns the sum for each row of an embedding, without the rows that have no gradient."""
    if not isinstance(gradient, tf.IndexedSlices):
        return gradient
    rows, positions = tf.unique(gradient.indices)
    return tf.math.unsorted_segment_sum(gradient.values, positions, tf.size(rows))


def _histogram(name: str, values: tf.Tensor) -> None:
    """Adds a histogram of the finite values. An infinite value would fail the step, before the loss shows the divergence."""
    flat = tf.reshape(values, [-1])
    tf.compat.v1.summary.histogram(name, tf.boolean_mask(flat, tf.math.is_finite(flat)))
