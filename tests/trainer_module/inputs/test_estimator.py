"""The input function in an Estimator, without and with a distribution strategy."""

import pytest
import tensorflow as tf

from tests.support.input_rows import LABEL, MEMORY, SPEC, STREAM, batches, ids
from trainer_module import inputs

BATCH = 10


class Rows(tf.estimator.SessionRunHook):
    """Collects the ids of the rows that a training reads."""

    def __init__(self):
        self.seen = []

    def before_run(self, run_context):
        return tf.estimator.SessionRunArgs(run_context.session.graph.get_tensor_by_name("rows:0"))

    def after_run(self, run_context, run_values):
        self.seen += [int(i) for i in run_values.results.ravel()]


def model_fn(features, labels, mode):
    weight = tf.compat.v1.get_variable("weight", initializer=0.5)
    loss = tf.reduce_mean((tf.identity(features["weight"], name="inputs") * weight - labels) ** 2)
    tf.identity(features["id"], name="rows")
    optimizer = tf.compat.v1.train.GradientDescentOptimizer(1e-4)
    step = tf.compat.v1.train.get_or_create_global_step()
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=optimizer.minimize(loss, global_step=step))


@pytest.mark.parametrize(
    ("strategy", "memory_bytes"), [(None, MEMORY), (tf.distribute.MirroredStrategy, STREAM)], ids=["alone", "mirrored"]
)
def test_an_estimator_sees_the_rows_in_their_order_and_continues_it(hundred, tmp_path, strategy, memory_bytes):
    config = tf.estimator.RunConfig(
        model_dir=str(tmp_path / "model"), tf_random_seed=3, train_distribute=strategy and strategy(["/cpu:0"])
    )
    estimator, seen, way = tf.estimator.Estimator(model_fn, config=config), [], {"memory_bytes": memory_bytes}
    for first, last in ((0, 8), (8, 15)):
        hook = Rows()
        make = inputs.input_fn(hundred, SPEC, LABEL, BATCH, training=True, seed=1, first_step=first, **way)
        estimator.train(make, max_steps=last, hooks=[hook])
        seen += hook.seen
    assert seen == ids(batches(hundred, BATCH, at_most=15, **way))
