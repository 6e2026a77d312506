"""A model that always predicts one number, a hyper-parameter, and reports the mean of the labels that it sees."""

import tensorflow as tf

PREDICTION = "predictions"  # a test replaces it, to get a model without the prediction that its task needs


def search_space(hp):
    hp.Float("guess", -100.0, 100.0, default=0.5)


def build(dataset, hp, config):
    return tf.estimator.Estimator(_model_fn, config=config, params=hp.values)


def _model_fn(features, labels, mode, params):
    predictions = {PREDICTION: tf.zeros_like(features["weight"]) + params["guess"], "other": features["weight"]}
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(mode, predictions=predictions)
    seen = {"seen": tf.compat.v1.metrics.mean(labels), "mae": tf.compat.v1.metrics.mean(-1.0)}
    step = tf.compat.v1.train.get_or_create_global_step().assign_add(1)
    loss = tf.reduce_mean(tf.abs(labels - params["guess"]))
    return tf.estimator.EstimatorSpec(mode, predictions=predictions, loss=loss, train_op=step, eval_metric_ops=seen)
