"""The constant model with a hook that hangs at step 25, once for each file in the folder `chances`.

The hook deletes a file before it hangs for 600 s. If the folder has no file, it does not hang.
"""

import time
from pathlib import Path

import tensorflow as tf
from toy import constant

CHANCES = Path(__file__).with_name("chances")


def search_space(hp):
    constant.search_space(hp)


def build(dataset, hp, config):
    inner = constant.build(dataset, hp, config)

    def model_fn(features, labels, mode, config):
        return inner.model_fn(features, labels, mode, config)._replace(training_hooks=[HangHere()])

    return tf.estimator.Estimator(model_fn, config=config)


class HangHere(tf.estimator.SessionRunHook):
    def begin(self):
        self.step = tf.compat.v1.train.get_global_step()

    def after_run(self, context, values):
        chances = sorted(CHANCES.glob("*"))
        if chances and context.session.run(self.step) == 25:
            chances[0].unlink()
            time.sleep(600)
