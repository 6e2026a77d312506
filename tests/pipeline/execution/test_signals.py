"""What Ctrl-C and SIGTERM do to a run."""

import os
import signal

import pytest

from pipeline import errors
from pipeline.execution import signals
from trainer_module.supervision import watchdog
from trainer_module.supervision.control import Control

BOTH = (signal.SIGINT, signal.SIGTERM)


def handlers():
    return [signal.getsignal(number) for number in BOTH]


@pytest.mark.parametrize(
    ("number", "error", "text"),
    [
        (signal.SIGINT, errors.InterruptedRunError, "Stopped by Ctrl-C."),
        (signal.SIGTERM, errors.TerminatedRunError, "Stopped by SIGTERM."),
    ],
)
def test_a_signal_ends_a_run_as_an_exception_and_the_handlers_before_come_back(number, error, text):
    before = handlers()
    with pytest.raises(error, match=text):
        with signals.as_exceptions():
            assert handlers() != before
            os.kill(os.getpid(), number)
    assert handlers() == before


@pytest.mark.parametrize("number", BOTH)
def test_a_training_that_runs_is_asked_first_and_the_run_ends_when_it_has_stopped(number):
    asked = []

    def train(control: Control):
        os.kill(os.getpid(), number)
        while not control.stopping:
            pass
        asked.append(control.signal)

    with pytest.raises(errors.StoppedError):
        with signals.as_exceptions():
            watchdog.run(train, grace_seconds=30, stall_seconds=30)
    assert asked == [number]
