"""Hooks of the processes that train together."""

from __future__ import annotations

import tensorflow as tf


class AveragedVariableError(ValueError):
    """A model that cannot be trained with MultiWorkerMirroredStrategy."""


class StopInTimeHook(tf.estimator.SessionRunHook):
    """Ends training with parameter servers as soon as any process has taken the last step.

    An Estimator's own hook reads the global step at some moment during this process's step. Other processes take steps
    meanwhile, on a busy machine many. This hook reads the global step after this process has counted its step. So no process
    starts a step after it has seen the last one: each process takes at most one step too many.
    """

    def __init__(self, steps: int) -> None:
        """`steps`: global step at which the training ends."""
        self._steps = steps

    def begin(self) -> None:
        """Reads the global step after the operation that counts this process's step."""
        self._global_step = tf.compat.v1.train.get_global_step()
        with tf.control_dependencies(_counting_operation(self._global_step)):
            self._counted_step = self._global_step.read_value()

    def after_create_session(self, session: tf.compat.v1.Session, coord: tf.train.Coordinator) -> None:
        """Prevents the first step if the training has already reached its last step."""
        if session.run(self._global_step) >= self._steps:
            coord.request_stop()

    def before_run(self, run_context: tf.estimator.SessionRunContext) -> tf.estimator.SessionRunArgs:
        """Fetches the global step after this process's step."""
        return tf.estimator.SessionRunArgs(self._counted_step)

    def after_run(self, run_context: tf.estimator.SessionRunContext, run_values: tf.estimator.SessionRunValues) -> None:
        """Ends the training if this was the last step."""
        if run_values.results >= self._steps:
            run_context.request_stop()


def _counting_operation(global_step: tf.Variable) -> list[tf.Operation]:
    """Returns the one operation of the graph that adds to the global step: an optimizer's, or the model function's own.

    Returns an empty list if there are several: a model that trains its halves in turns runs only some of them in a step, and
    waiting for all of them would run all. The step is then read at any moment, and training may take a few steps too many.
    """
    handle = global_step.handle
    operations = [op for op in handle.graph.get_operations() if op.type == "AssignAddVariableOp" and op.inputs[0] is handle]
    return operations if len(operations) == 1 else []


class LockstepHook(tf.estimator.SessionRunHook):
    """Refuses variables that MultiWorkerMirroredStrategy saves only if all processes save at the same time.

    Such a variable is averaged over the processes when it is read, like the moving averages of a batch normalisation. The chief
    saves alone, so it would wait for ever.
    """

    def begin(self) -> None:
        """Checks the variables of the graph.

        Raises:
            AveragedVariableError: one of them is averaged when it is read.
        """
        on_read = tf.VariableSynchronization.ON_READ
        names = [v.name for v in tf.compat.v1.global_variables() if v.synchronization == on_read]
        if names:
            raise AveragedVariableError(
                f"The model has variables that are averaged over the processes when they are read: {', '.join(names)}. "
                'With the strategy "multi_worker_mirrored" the chief cannot save them. Use the strategy "parameter_server", '
                "or a layer without moving averages (LayerNormalization instead of BatchNormalization)."
            )
