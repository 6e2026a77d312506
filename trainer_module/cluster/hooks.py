"""What a process that trains with others looks at in every step."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


class AveragedVariableError(ValueError):
    """A model that cannot be trained with MultiWorkerMirroredStrategy."""


class StopInTimeHook(tf.estimator.SessionRunHook):
    """Ends training with parameter servers as soon as any process has taken the last step.

    An Estimator's own hook looks at a step that was read at any time while this process took its own: others have stepped on
    since, and on a busy machine many times. Read after the step was counted, as here, it is at least that of this very step, so
    that no process begins one after it has seen the last: each takes at most the one that is under way too many.
    """

    def __init__(self, steps: int) -> None:
        """`steps`: the global step at which the training ends."""
        self._steps = steps

    def begin(self) -> None:
        """Finds the step, and the operation that counts it."""
        self._global_step = tf.compat.v1.train.get_global_step()
        with tf.control_dependencies(_counting(self._global_step)):
            self._counted = self._global_step.read_value()

    def after_create_session(self, session: tf.compat.v1.Session, coord: tf.train.Coordinator) -> None:
        """Takes no step at all if it comes too late."""
        if session.run(self._global_step) >= self._steps:
            coord.request_stop()

    def before_run(self, run_context: Any) -> tf.estimator.SessionRunArgs:
        """Asks for the step, as it is once this one was counted."""
        return tf.estimator.SessionRunArgs(self._counted)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Looks whether it was the last."""
        if run_values.results >= self._steps:
            run_context.request_stop()


def _counting(global_step: tf.Variable) -> list[tf.Operation]:
    """Returns the one operation of the graph that adds to the global step: an optimizer's, or the model function's own.

    Nothing if there are several: a model that trains its halves in turns does not run all of them in every step, but waiting
    for them would. Then the step is read at any time, and a few more may be taken.
    """
    counter = global_step.handle
    found = [op for op in counter.graph.get_operations() if op.type == "AssignAddVariableOp" and op.inputs[0] is counter]
    return found if len(found) == 1 else []


class LockstepHook(tf.estimator.SessionRunHook):
    """Refuses what would hang: variables that MultiWorkerMirroredStrategy saves only if all processes save at the same time.

    Those are averaged when they are read, like the moving averages of a batch normalisation; the chief saves alone.
    """

    def begin(self) -> None:
        """Looks at the variables of the graph.

        Raises:
            AveragedVariableError: it has some of that kind.
        """
        on_read = tf.VariableSynchronization.ON_READ
        found = [v.name for v in tf.compat.v1.global_variables() if v.synchronization == on_read]
        if found:
            raise AveragedVariableError(
                f"The model has variables that are averaged over the processes when they are read: {', '.join(found)}. "
                'With the strategy "multi_worker_mirrored" the chief could not save them. Use the strategy "parameter_server", '
                "or a layer without moving averages (LayerNormalization instead of BatchNormalization)."
            )
