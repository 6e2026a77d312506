"""Makes random operations in the graph of a training depend on the seed and the global step alone.

An op like RandomUniform, which dropout uses, draws from a generator inside its kernel. No checkpoint contains the state of
that generator: a continued training would start it again, and drop the same units a second time. Here each such op is replaced
by its stateless counterpart. Its two seeds are the op's own seed and the global step, so step n draws the same numbers in a
continued training as in an uninterrupted one.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable

import tensorflow as tf

_log = logging.getLogger(__name__)

Replacement = Callable[[tf.Operation, tf.Tensor], tf.Tensor]

_REPLACEMENTS: dict[str, Replacement] = {
    "RandomUniform": lambda op, seed: tf.random.stateless_uniform(op.inputs[0], seed, dtype=op.get_attr("dtype")),
    "RandomUniformInt": lambda op, seed: tf.random.stateless_uniform(
        op.inputs[0], seed, op.inputs[1], op.inputs[2], op.get_attr("Tout")
    ),
    "RandomStandardNormal": lambda op, seed: tf.random.stateless_normal(op.inputs[0], seed, dtype=op.get_attr("dtype")),
    "TruncatedNormal": lambda op, seed: tf.random.stateless_truncated_normal(op.inputs[0], seed, dtype=op.get_attr("dtype")),
    "Multinomial": lambda op, seed: tf.random.stateless_categorical(
        op.inputs[0], op.inputs[1], seed, op.get_attr("output_dtype")
    ),
}
# Random ops that cannot be replaced. (An op inside a function, such as the loop of an RNN, cannot be replaced from outside.)
_IRREPLACEABLE = {"RandomGamma", "RandomPoissonV2", "RandomShuffle", "ParameterizedTruncatedNormal", "StatefulUniform"}


def make_stateless(graph: tf.Graph, step: tf.Tensor) -> None:
    """Replaces the stateful random ops of a training's graph, except those that initialise variables.

    Logs every op that cannot be replaced: with such an op, a continued training differs from an uninterrupted one.

    Args:
        graph: the graph of a training, before its first step.
        step: the global step before the update, scalar int64. (An op whose value reaches the loss is computed before the
            update, because the update waits for the gradients.)
    """
    initializers = _ancestors(v.initializer for v in [*_collection(graph, "variables"), *_collection(graph, "local_variables")])
    random = [op for op in graph.get_operations() if op not in initializers]
    with graph.as_default(), tf.name_scope("stateless"), tf.control_dependencies(None):
        for op in [o for o in random if o.type in _REPLACEMENTS]:
            with tf.device(op.device):
                _replace(op.outputs[0], _REPLACEMENTS[op.type](op, tf.stack([_seed(op), step])))
    stateful = [op.name for op in random if op.type in _IRREPLACEABLE] + _in_functions(graph)
    if stateful:
        _log.warning(
            "No checkpoint contains the state of these random ops: %s. After an interruption the training continues, but its "
            "results can differ from those of an uninterrupted training.",
            ", ".join(stateful),
        )


def _collection(graph: tf.Graph, name: str) -> list[tf.Variable]:
    return graph.get_collection(name)


def _ancestors(ops: Iterable[tf.Operation]) -> set[tf.Operation]:
    """Returns ops and every op that they depend on."""
    ancestors: set[tf.Operation] = set()
    pending = list(ops)
    while pending:
        op = pending.pop()
        if op not in ancestors:
            ancestors.add(op)
            pending += [tensor.op for tensor in op.inputs]
            pending += op.control_inputs
    return ancestors


def _seed(op: tf.Operation) -> tf.Tensor:
    """Returns a seed that differs for each op: a hash of its seeds, or of its name if it has none."""
    seeds = (op.get_attr("seed"), op.get_attr("seed2"))
    digest = hashlib.sha256(repr(seeds if any(seeds) else op.name).encode()).digest()
    return tf.constant(int.from_bytes(digest[:8], "little", signed=True), tf.int64)


def _replace(old: tf.Tensor, new: tf.Tensor) -> None:
    new.set_shape(old.shape)
    for consumer in old.consumers():
        for i, tensor in enumerate(consumer.inputs):
            if tensor is old:
                consumer._update_input(i, new)


def _in_functions(graph: tf.Graph) -> list[str]:
    """Returns the stateful random ops inside functions, as function/op."""
    stateful = _IRREPLACEABLE | set(_REPLACEMENTS)
    functions = graph.as_graph_def().library.function
    return [f"{f.signature.name}/{node.name}" for f in functions for node in f.node_def if node.op in stateful]
