"""Checkpoints of one variable, real ones."""

from pathlib import Path

import numpy as np
import tensorflow as tf


def save(path, *steps):
    """Writes a checkpoint at each of `steps`: the global step and one variable of 20 kB."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        step = tf.compat.v1.train.create_global_step()
        weight = tf.compat.v1.get_variable("weight", initializer=np.arange(5000, dtype=np.float32))
        saver = tf.compat.v1.train.Saver(save_relative_paths=True, max_to_keep=10)
        session.run([step.initializer, weight.initializer])
        for number in steps:
            session.run(step.assign(number))
            saver.save(session, str(Path(path, "model.ckpt")), global_step=number, write_meta_graph=False)


def data(path, step):
    return Path(path, f"model.ckpt-{step}.data-00000-of-00001")


def truncate(path, step, size=1000):
    with data(path, step).open("r+b") as file:
        file.truncate(size)


def steps(path):
    return sorted(int(p.stem.rpartition("-")[2]) for p in Path(path).glob("*.index"))
