"""The random ops of a training graph depend only on the seed and the global step."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from trainer_module.estimators import stateless_random

v1 = tf.compat.v1

KINDS = {
    "dropout": lambda x: tf.nn.dropout(x, rate=0.5),
    "keras dropout": lambda x: tf.keras.layers.Dropout(0.5)(x, training=True),
    "keras spatial dropout": lambda x: tf.keras.layers.SpatialDropout1D(0.5)(x[:, None], training=True)[:, 0],
    "v1 dropout": lambda x: v1.layers.dropout(x, 0.5, training=True),
    "gaussian noise": lambda x: x + tf.random.normal(tf.shape(x)),
    "truncated normal": lambda x: x + tf.random.truncated_normal(tf.shape(x)),
    "uniform integers": lambda x: x + tf.cast(tf.random.uniform(tf.shape(x), 0, 1000, tf.int32), tf.float32),
    "categorical": lambda x: x + tf.cast(tf.random.categorical(tf.math.log(tf.ones([8, 50]) / 50), 16), tf.float32),
}


def drawn(make, steps, seed=3):
    """The random values that a training graph draws at these global steps, in one session that starts at the first of them."""
    with tf.Graph().as_default() as graph:
        v1.set_random_seed(seed)
        step = v1.train.create_global_step()
        with v1.variable_scope("part"):
            weight = v1.get_variable("weight", [1, 16], initializer=v1.random_uniform_initializer(0.5, 1.5))
        value = make(tf.ones([8, 16])) * weight
        train_op = v1.train.GradientDescentOptimizer(0.0).minimize(tf.reduce_sum(value), global_step=step)
        stateless_random.make_stateless(graph, step.read_value())
        with v1.Session() as session:
            session.run(v1.global_variables_initializer())
            session.run(step.assign(steps[0]))
            return [session.run([value, train_op])[0] for _ in steps]


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_draws_the_same_values_wherever_the_training_started(kind):
    whole = drawn(KINDS[kind], range(6))
    continued = drawn(KINDS[kind], range(4, 6))
    assert np.array_equal(whole[4:], continued)
    assert len({v.tobytes() for v in whole}) == 6  # every step draws other values


def test_another_seed_draws_other_values():
    assert not np.array_equal(drawn(KINDS["dropout"], range(2)), drawn(KINDS["dropout"], range(2), seed=4))


def test_two_ops_draw_different_values():
    one, two = (
        drawn(lambda x: tf.concat([tf.nn.dropout(x[:, :8], 0.5), tf.nn.dropout(x[:, 8:], 0.5)], 1), [1])[0]
        .reshape(8, 2, 8)
        .transpose(1, 0, 2)
    )
    assert not np.array_equal(one, two)


def test_dropout_with_rate_one_half_drops_half_of_the_values():
    values = np.stack(drawn(KINDS["dropout"], range(50)))
    assert 0.47 < (values == 0).mean() < 0.53


def test_make_stateless_does_not_change_the_first_weights():
    def weights(follow):
        with tf.Graph().as_default() as graph:
            v1.set_random_seed(3)
            step = v1.train.create_global_step()
            weight = v1.get_variable("weight", [50], initializer=v1.random_normal_initializer())
            if follow:
                stateless_random.make_stateless(graph, step.read_value())
            with v1.Session() as session:
                session.run(v1.global_variables_initializer())
                return session.run(weight)

    assert np.array_equal(weights(True), weights(False))


def test_a_warning_names_an_op_that_cannot_be_made_stateless(caplog):
    caplog.set_level(logging.WARNING)
    drawn(lambda x: x * tf.random.gamma([16], 1.0), [0])
    assert "RandomGamma" in caplog.text
    assert "results can differ" in caplog.text
