"""A program: trains a table of weights on two devices, and prints [weights, global step] as JSON.

Each device takes four steps with four ids each. The number of distinct ids varies. Each occurrence of an id lowers its weight
by 1/4.
"""

import json

import tensorflow as tf

from trainer_module.cluster import strategies
from trainer_module.training.settings import Cluster

IDS = [[0, 0, 0, 0], [0, 1, 2, 3], [4, 4, 1, 1], [0, 1, 1, 1], [2, 2, 2, 2], [3, 3, 4, 4], [0, 1, 2, 4], [1, 1, 1, 1]]


def model_fn(features, labels, mode):
    """Returns the EstimatorSpec of a model whose gradient is sparse: only the weights of the ids in a batch have one."""
    weights = tf.compat.v1.get_variable("weights", [6, 1], initializer=tf.ones_initializer())
    ids, _, counts = tf.unique_with_counts(features)
    loss = tf.reduce_sum(tf.gather(weights, ids)[:, 0] * tf.cast(counts, tf.float32)) / 2
    step = tf.compat.v1.train.get_or_create_global_step()
    train_op = tf.compat.v1.train.GradientDescentOptimizer(1.0).minimize(loss, global_step=step)
    return tf.estimator.EstimatorSpec(mode, loss=loss, train_op=train_op)


def main():
    """Trains and prints."""
    config = tf.estimator.RunConfig(**strategies.run_config(Cluster(strategy="mirrored", devices=2), None))
    estimator = tf.estimator.Estimator(model_fn, config=config)
    estimator.train(lambda: tf.data.Dataset.from_tensor_slices(tf.constant(IDS)).map(lambda ids: (ids, ids)))
    weights = estimator.get_variable_value("weights")[:, 0]
    print(json.dumps([weights.tolist(), int(estimator.get_variable_value("global_step"))]))


if __name__ == "__main__":
    main()
