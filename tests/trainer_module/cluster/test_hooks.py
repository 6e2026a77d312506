"""What a process that trains with others looks at in every step."""

import time

import pytest
import tensorflow as tf

from trainer_module.cluster.hooks import AveragedVariableError, LockstepHook, StopInTimeHook

v1 = tf.compat.v1


def steps_taken(begin, *more_hooks, others=0):
    """How many steps a process takes that comes at some step, if 100 is the last one.

    `others`: steps that are taken by others while this process takes one, after a fetch has read the step.
    """
    with tf.Graph().as_default():
        step = v1.train.create_global_step()
        late = v1.py_func(lambda: time.sleep(0.05) if others else None, [], [])
        with tf.control_dependencies([late]):
            train = step.assign_add(1 + others, read_value=False)
        scaffold = v1.train.Scaffold(init_op=step.assign(begin).op)
        hooks, taken = [v1.train.StopAtStepHook(last_step=100), *more_hooks], 0
        with v1.train.MonitoredSession(v1.train.ChiefSessionCreator(scaffold), hooks) as session:
            while not session.should_stop():
                session.run(train)
                taken += 1
    return taken


def test_a_process_that_comes_too_late_takes_no_step():
    assert steps_taken(100, StopInTimeHook(100)) == 0
    assert steps_taken(101, StopInTimeHook(100)) == 0
    assert steps_taken(101) == 1  # what an Estimator does


def test_a_process_alone_takes_all_steps():
    assert steps_taken(90, StopInTimeHook(100)) == 10


def test_a_process_that_others_have_overtaken_takes_no_step_after_the_last():
    assert steps_taken(0, StopInTimeHook(100), others=99) == 1
    assert steps_taken(0, others=99) == 2  # what an Estimator does: it had read the step before they took theirs


def test_an_optimizer_that_counts_the_steps_itself_is_waited_for():
    with tf.Graph().as_default() as graph:
        step = v1.train.create_global_step()
        weights = v1.get_variable("weights", [2])
        optimizer = tf.keras.optimizers.legacy.SGD()
        optimizer.iterations = step
        [train] = optimizer.get_updates(weights**2, [weights])
        hook = StopInTimeHook(100)
        hook.begin()
        counted = hook.before_run(None).fetches
        with v1.Session(graph=graph) as session:
            session.run(v1.global_variables_initializer())
            assert [session.run([train, counted])[1] for _ in range(20)] == list(range(1, 21))


def test_a_model_whose_halves_count_in_turns_is_not_made_to_count_twice():
    with tf.Graph().as_default() as graph:
        step = v1.train.create_global_step()
        halves = [step.assign_add(1, read_value=False) for _ in range(2)]
        hook = StopInTimeHook(100)
        hook.begin()
        with v1.Session(graph=graph) as session:
            session.run(v1.global_variables_initializer())
            session.run([halves[0], hook.before_run(None).fetches])
            session.run([halves[1], hook.before_run(None).fetches])
            assert session.run(step) == 2


def test_what_is_averaged_when_it_is_read_cannot_be_saved_in_lockstep():
    with tf.Graph().as_default():
        v1.get_variable("weights", [2])
        LockstepHook().begin()
        sync = {"synchronization": tf.VariableSynchronization.ON_READ, "aggregation": tf.VariableAggregation.MEAN}
        v1.get_variable("moving_mean", [2], trainable=False, **sync)
        with pytest.raises(AveragedVariableError, match=r"when they are read: moving_mean:0.*LayerNormalization"):
            LockstepHook().begin()
