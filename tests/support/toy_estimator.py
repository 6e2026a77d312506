"""An Estimator with one weight, whose value after every step is known: see `weight`."""

from pathlib import Path

import tensorflow as tf

from tests.support.settings import train_settings
from trainer_module.serving.signatures import SERVING_DEFAULT
from trainer_module.supervision.control import Control
from trainer_module.training.prepared import PreparedTraining

NAN = float("nan")


def model_fn(features, labels, mode):
    weight = tf.compat.v1.get_variable("weight", [], initializer=tf.zeros_initializer())
    predictions = {"y": weight * features["x"]}
    if mode == tf.estimator.ModeKeys.PREDICT:
        outputs = {SERVING_DEFAULT: tf.estimator.export.PredictOutput(predictions)}
        return tf.estimator.EstimatorSpec(mode, predictions=predictions, export_outputs=outputs)
    loss = tf.compat.v1.losses.mean_squared_error(labels, predictions["y"])
    step = tf.compat.v1.train.get_or_create_global_step()
    train_op = tf.compat.v1.train.GradientDescentOptimizer(0.1).minimize(loss, global_step=step)
    # Each step moves the weight a fifth of the distance to its true value.
    metrics = {
        "weight": tf.compat.v1.metrics.mean(weight),
        "small": tf.compat.v1.metrics.mean(tf.where(weight < 1, weight, NAN)),
    }
    return tf.estimator.EstimatorSpec(mode, predictions=predictions, loss=loss, train_op=train_op, eval_metric_ops=metrics)


def rows(*, y=2.0, batches=None):
    """Returns an input function with batches of two rows, by default on the line y = 2 x: endless, or `batches` batches."""

    def input_fn():
        batch = ({"x": tf.constant([[1.0], [1.0]])}, tf.constant([[y], [y]]))
        return tf.data.Dataset.from_tensors(batch).repeat(batches)

    return input_fn


def receiver():
    """Returns the serving input: a column x of float32."""
    x = tf.compat.v1.placeholder(tf.float32, [None, 1], "x")
    return tf.estimator.export.ServingInputReceiver({"x": x}, {"x": x})


def estimator(model_dir, keep=5, checkpoint_steps=None):
    """Returns the Estimator. `keep`: number of checkpoints that it keeps."""
    config = tf.estimator.RunConfig(
        model_dir=str(model_dir),
        tf_random_seed=1,
        save_checkpoints_steps=checkpoint_steps,
        save_checkpoints_secs=None,
        keep_checkpoint_max=keep,
        log_step_count_steps=1000,
    )
    return tf.estimator.Estimator(model_fn, config=config)


def training(model_dir, steps, *, train_rows=None, eval_rows=None, direction="lower", keep=5, control=None, **settings):
    """Returns a training of the Estimator. By default it saves and evaluates only at the end."""
    return PreparedTraining(
        estimator=estimator(model_dir, keep),
        settings=train_settings(steps, keep_checkpoints=keep, **{"eval_seconds": 600, "checkpoint_steps": 1000} | settings),
        direction=direction,
        train_input_fn=train_rows or rows(),
        eval_input_fn=eval_rows or rows(batches=2),
        receiver_fn=receiver,
        control=control or Control(),
    )


def weight(step):
    """Returns the weight after a step."""
    return 2 * (1 - 0.8**step)


def exports(model_dir, name="best"):
    """Returns the folders of the exports of an exporter, sorted."""
    return sorted(str(p) for p in Path(model_dir, "export", name).glob("*"))


def checkpoints(model_dir):
    """Returns the names of the checkpoints, sorted."""
    return sorted(p.stem for p in Path(model_dir).glob("*.index"))


def served_weight(trained):
    """Returns the weight of the exported model."""
    answer = tf.saved_model.load(trained.saved_model).signatures[SERVING_DEFAULT](x=tf.constant([[1.0]]))
    return answer["y"].numpy().item()
