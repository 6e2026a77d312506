"""The lines that a child process sends: each message is decoded as it was encoded."""

import math

import pytest

from trainer_module.supervision import messages
from trainer_module.supervision.messages import Alive, Failure
from trainer_module.supervision.progress_report import ProgressReport


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (Alive(), b"{}\n"),
        (Failure("TrainingError: no rows"), b'{"failed": "TrainingError: no rows"}\n'),
        (
            ProgressReport(step=7, steps=9, loss=0.5, steps_per_second=3.0),
            b'{"progress": {"step": 7, "steps": 9, "loss": 0.5, "steps_per_second": 3.0}}\n',
        ),
    ],
)
def test_a_message_is_one_line_and_survives_a_round_trip(message, line):
    assert messages.encode(message) == line
    assert messages.decode(line) == message


def test_a_loss_may_be_nan():
    report = messages.decode(messages.encode(ProgressReport(step=1, steps=2, loss=math.nan, steps_per_second=1.0)))
    assert math.isnan(report.loss)


def test_a_long_reason_is_cut_so_that_its_line_fits_into_one_write_to_a_pipe():
    line = messages.encode(Failure("x" * 9000))
    assert len(line) <= 512
    assert messages.decode(line).reason == "x" * 462
