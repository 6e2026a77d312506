"""A model with a mistake: its model function raises."""

import tensorflow as tf


def search_space(hp):
    """It has no hyper-parameters."""


def build(dataset, hp, config):
    def model_fn(features, labels, mode, params):
        raise ValueError("this model is not finished")

    return tf.estimator.Estimator(model_fn, config=config)
