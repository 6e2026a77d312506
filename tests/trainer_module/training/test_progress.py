"""The reports of a training: step, loss and speed, as log records."""

import logging
import math

import pytest
import tensorflow as tf

from tests.support.toy_estimator import estimator, rows
from trainer_module.supervision.control import Control
from trainer_module.training import progress
from trainer_module.training.progress import ProgressHook


@pytest.fixture
def records(caplog):
    """Returns a function: the log records of all reports so far."""
    caplog.set_level(logging.INFO, progress.LOGGER.name)
    return lambda: [record for record in caplog.records if record.name == progress.LOGGER.name]


def train(folder, steps, every_seconds=0):
    """Trains to a step. By default every step is reported."""
    hook = ProgressHook(steps, Control(), every_seconds=every_seconds)
    estimator(folder, checkpoint_steps=1000).train(rows(), hooks=[hook], max_steps=steps)


def test_every_report_names_step_steps_loss_and_speed(tmp_path, records):
    train(tmp_path, 4)
    reports = [record.progress for record in records()]
    # The loss is the one that a step begins with.
    assert [report.step for report in reports] == [1, 2, 3, 4]
    assert {report.steps for report in reports} == {4}
    assert [report.loss for report in reports] == pytest.approx([(2 * 0.8**i) ** 2 for i in range(4)], rel=1e-5)
    assert all(0 < report.steps_per_second < math.inf for report in reports)
    assert records()[0].getMessage().startswith("step 1/4, loss 4.0000, ")


def test_a_continued_training_reports_only_its_new_steps(tmp_path, records):
    train(tmp_path, 2)
    before = len(records())
    train(tmp_path, 5)
    assert [record.progress.step for record in records()[before:]] == [3, 4, 5]


def test_reports_are_at_least_so_many_seconds_apart(tmp_path, records):
    train(tmp_path, 4, every_seconds=1000)
    assert records() == []


@pytest.mark.parametrize(("every_seconds", "fetches"), [(1000, False), (0, True)])
def test_only_the_step_that_reports_fetches_the_loss(every_seconds, fetches):
    hook = ProgressHook(10, Control(), every_seconds=every_seconds)
    with tf.Graph().as_default():
        step = tf.compat.v1.train.create_global_step()
        tf.compat.v1.losses.add_loss(tf.constant(1.5))
        hook.begin()
        with tf.compat.v1.Session() as session:
            session.run(step.initializer)
            hook.after_create_session(session, None)
            arguments = hook.before_run(None)
            assert (arguments is not None) == fetches
            assert not fetches or session.run(arguments.fetches) == 1.5


def test_every_step_is_a_heartbeat_reported_or_not(tmp_path):
    class Counting(Control):
        beats = 0

        def heartbeat(self):
            self.beats += 1
            super().heartbeat()

    control = Counting()
    estimator(tmp_path).train(rows(), hooks=[ProgressHook(4, control, every_seconds=1000)], max_steps=4)
    assert control.beats == 4
