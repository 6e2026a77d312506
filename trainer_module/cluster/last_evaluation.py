"""The end of a chief: it waits until the evaluator has evaluated the last checkpoint."""

from __future__ import annotations

import time

from trainer_module.cluster.evaluator_heartbeat import EvaluatorHeartbeat
from trainer_module.supervision.control import Control
from trainer_module.training.job import Job
from trainer_module.training.training_state import TrainingState

_CHECK_EVERY_SECONDS = 0.5


class UnfinishedError(RuntimeError):
    """A training ended before its last step, so it must continue."""


def wait_for(job: Job, control: Control) -> None:
    """Waits until the last checkpoint was evaluated: when the chief succeeds, a TFJob ends all other processes.

    It does not wait for ever: meanwhile only the evaluator's heartbeat counts as progress, for the watchdog of this process.

    Args:
        job: what was trained.
        control: the link to the watchdog.

    Raises:
        UnfinishedError: the training must continue.
        trainer_module.supervision.control.InterruptedTraining: `control` requested a stop.
    """
    training_state, evaluator_heartbeat = TrainingState(job), EvaluatorHeartbeat(job.folder)
    training_state.mark_last_checkpoint()
    while not (state := training_state.read()).finished:
        if state.evaluated and not state.complete:
            raise UnfinishedError(
                f"The training ended at step {state.step} of {job.settings.steps}, but its last checkpoint is a new "
                "best one, so by the stop rule it must continue. If this happens again at the same step, the input has too few "
                "rows: is the training split empty, or smaller than one batch for each process?"
            )
        if evaluator_heartbeat.has_beaten():
            control.heartbeat()
        if control.stopping:
            control.raise_if_stopping()
        time.sleep(_CHECK_EVERY_SECONDS)
