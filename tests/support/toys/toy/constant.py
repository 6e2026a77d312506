"""A model with a constant prediction, which the gate must refuse."""

import tensorflow as tf


def search_space(hp):
    hp.Float("logit", -5.0, 5.0, default=-1.0)


def build(dataset, hp, config):
    return tf.estimator.Estimator(_model_fn, config=config, params={"logit": hp.get("logit")})


def _model_fn(features, labels, mode, params):
    rows = tf.shape(next(iter(features.values())))[0]
    logits = tf.fill([rows, 1], tf.compat.v1.get_variable("logit", initializer=params["logit"]))
    predictions = {"logistic": tf.sigmoid(logits)}
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(
            mode,
            predictions=predictions,
            export_outputs={"serving_default": tf.estimator.export.PredictOutput(predictions)},
        )
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.cast(labels, tf.float32), logits=logits))
    step = tf.compat.v1.train.get_or_create_global_step()
    return tf.estimator.EstimatorSpec(mode, predictions=predictions, loss=loss, train_op=step.assign_add(1), eval_metric_ops={})
