"""The hooks of a process in a cluster: it stops at the last step of the cluster, and it saves in lockstep."""

import time

import pytest
import tensorflow as tf

from trainer_module.cluster.hooks import AveragedVariableError, LockstepHook, StopInTimeHook

v1 = tf.compat.v1


def steps_taken(begin, *more_hooks, others=0):
    """The number of steps that a process takes if it starts at step `begin` and step 100 is the last.

    `others`: steps that other processes take during each step of this one, after a fetch has read the step.
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


def test_a_process_that_starts_after_the_last_step_takes_no_step():
    assert steps_taken(100, StopInTimeHook(100)) == 0
    assert steps_taken(101, StopInTimeHook(100)) == 0
    assert steps_taken(101) == 1  # an Estimator without the hook takes one


def test_a_single_process_takes_all_steps():
    assert steps_taken(90, StopInTimeHook(100)) == 10


def test_a_process_takes_no_step_after_others_have_taken_the_last():
    assert steps_taken(0, StopInTimeHook(100), others=99) == 1
    assert steps_taken(0, others=99) == 2  # without the hook it takes one more: it read the step before the others took theirs


def test_the_hook_reads_the_step_after_an_optimizer_has_incremented_it():
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


def test_two_train_ops_that_increment_in_turn_increment_once_each():
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


def test_a_variable_that_is_averaged_on_read_cannot_be_saved_in_lockstep():
    with tf.Graph().as_default():
        v1.get_variable("weights", [2])
        LockstepHook().begin()
        sync = {"synchronization": tf.VariableSynchronization.ON_READ, "aggregation": tf.VariableAggregation.MEAN}
        v1.get_variable("moving_mean", [2], trainable=False, **sync)
        with pytest.raises(AveragedVariableError, match=r"when they are read: moving_mean:0.*LayerNormalization"):
            LockstepHook().begin()
