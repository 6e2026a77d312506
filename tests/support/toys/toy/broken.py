"""A model with a mistake: its model function raises ValueError."""

import tensorflow as tf


def search_space(hp):
    """This model has no hyperparameters."""


def build(dataset, hp, config):
    def model_fn(features, labels, mode, params):
        raise ValueError("this model is not finished")

    return tf.estimator.Estimator(model_fn, config=config)
