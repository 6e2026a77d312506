"""A Keras model file without `build`: a line through the origin. Its slope is a hyper-parameter, and training keeps it."""

import tensorflow as tf


def search_space(hp):
    hp.Float("slope", -10.0, 10.0, default=2.0)


def keras_model(dataset, hp):
    x = tf.keras.Input([1], name="weight")
    line = tf.keras.layers.Dense(1, kernel_initializer=tf.keras.initializers.Constant(hp.get("slope")), name="predictions")
    model = tf.keras.Model(x, line(x))
    model.compile(tf.keras.optimizers.legacy.SGD(0.0), "mse", metrics=["mae"])
    return model
