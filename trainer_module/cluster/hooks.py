"""What a process that trains with others looks at in every step."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

# A step that is fetched along with others' may be so many steps old, for each process that trains.
_LATE = 4


class AveragedVariableError(ValueError):
    """A model that cannot be trained with MultiWorkerMirroredStrategy."""


class StopInTimeHook(tf.estimator.SessionRunHook):
    """Ends training with parameter servers as soon as any process has taken the last step.

    An Estimator's own hook looks at the step that was fetched with the gradients: others have stepped on since. With it each
    process takes up to two steps too many; asked again, as here, it is the one that is under way.
    """

    def __init__(self, steps: int, processes: int) -> None:
        """`steps`: the global step at which the training ends. `processes`: that train."""
        self._steps, self._near = steps, steps - _LATE * processes

    def begin(self) -> None:
        """Finds the step."""
        self._global_step = tf.compat.v1.train.get_global_step()

    def after_create_session(self, session: tf.compat.v1.Session, coord: tf.train.Coordinator) -> None:
        """Takes no step at all if it comes too late."""
        if session.run(self._global_step) >= self._steps:
            coord.request_stop()

    def before_run(self, run_context: Any) -> tf.estimator.SessionRunArgs:
        """Asks for the step."""
        return tf.estimator.SessionRunArgs(self._global_step)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        """Asks again, near the end."""
        if run_values.results >= self._near and run_context.session.run(self._global_step) >= self._steps:
            run_context.request_stop()


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
