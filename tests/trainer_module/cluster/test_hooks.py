"""What a process that trains with others looks at in every step."""

import pytest
import tensorflow as tf

from trainer_module.cluster.hooks import AveragedVariableError, LockstepHook, StopInTimeHook

v1 = tf.compat.v1


def steps_taken(begin, *more_hooks):
    """How many steps a process takes that comes at some step, if 100 is the last one."""
    with tf.Graph().as_default():
        step = v1.train.create_global_step()
        train = step.assign_add(1, read_value=False)
        scaffold = v1.train.Scaffold(init_op=step.assign(begin).op)
        hooks, taken = [v1.train.StopAtStepHook(last_step=100), *more_hooks], 0
        with v1.train.MonitoredSession(v1.train.ChiefSessionCreator(scaffold), hooks) as session:
            while not session.should_stop():
                session.run(train)
                taken += 1
    return taken


def test_a_process_that_comes_too_late_takes_no_step():
    assert steps_taken(100, StopInTimeHook(100, 3)) == 0
    assert steps_taken(101, StopInTimeHook(100, 3)) == 0
    assert steps_taken(101) == 1  # what an Estimator does


def test_a_process_alone_takes_all_steps():
    assert steps_taken(90, StopInTimeHook(100, 3)) == 10


class Context:
    """Of a step whose fetched value is older than the one that is asked for."""

    def __init__(self, now):
        self.session, self.now, self.stopped = self, now, False

    def run(self, what):
        return self.now

    def request_stop(self):
        self.stopped = True


@pytest.mark.parametrize(
    ("fetched", "now", "stops"), [(99, 100, True), (97, 100, True), (88, 100, True), (97, 99, False), (60, 99, False)]
)
def test_near_the_end_it_is_asked_for_the_step_as_it_is_now(fetched, now, stops):
    with tf.Graph().as_default():
        v1.train.create_global_step()
        hook, context = StopInTimeHook(100, processes=3), Context(now)
        hook.begin()
        values = v1.train.SessionRunValues(fetched, None, None)
        hook.after_run(context, values)
    assert context.stopped == stops


def test_what_is_averaged_when_it_is_read_cannot_be_saved_in_lockstep():
    with tf.Graph().as_default():
        v1.get_variable("weights", [2])
        LockstepHook().begin()
        sync = {"synchronization": tf.VariableSynchronization.ON_READ, "aggregation": tf.VariableAggregation.MEAN}
        v1.get_variable("moving_mean", [2], trainable=False, **sync)
        with pytest.raises(AveragedVariableError, match=r"when they are read: moving_mean:0.*LayerNormalization"):
            LockstepHook().begin()
