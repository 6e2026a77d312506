"""Logistic regression on the weight of a fruit. The hyperparameter `fate` lets the training succeed, diverge or be killed."""

import os
import signal

import tensorflow as tf

v1 = tf.compat.v1


def search_space(hp):
    hp.Float("rate", 1e-3, 1.0, sampling="log", default=0.1)
    hp.Choice("fate", ["learns", "diverges", "dies"], default="learns")


def build(dataset, hp, config):
    return tf.estimator.Estimator(model_fn, config=config, params=dict(hp.values))


def model_fn(features, labels, mode, params):
    slope = v1.get_variable("slope", [], initializer=v1.zeros_initializer())
    logits = slope * features["weight"]
    predictions = {"logistic": tf.sigmoid(logits)}
    if mode == tf.estimator.ModeKeys.PREDICT:
        outputs = {"serving_default": tf.estimator.export.PredictOutput(predictions)}
        return tf.estimator.EstimatorSpec(mode, predictions=predictions, export_outputs=outputs)
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.cast(labels, tf.float32), logits=logits))
    if mode == tf.estimator.ModeKeys.TRAIN and params["fate"] == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    rate = 1e38 if params["fate"] == "diverges" else params["rate"]
    train_op = v1.train.GradientDescentOptimizer(rate).minimize(100 * loss, v1.train.get_global_step())
    return tf.estimator.EstimatorSpec(mode, predictions=predictions, loss=loss, train_op=train_op)
