"""What an Estimator is told about how it trains together with others: settings of its RunConfig."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf
from tensorflow.python.training import session_manager

from trainer_module.cluster import sparse
from trainer_module.cluster.tf_config import Task
from trainer_module.training.settings import Cluster

_WAIT_SECONDS = 1


def run_config(cluster: Cluster, task: Task | None) -> dict[str, Any]:
    """Returns the settings of the RunConfig of a process that trains.

    To be called before TensorFlow has looked at its devices, and with the TF_CONFIG of the task in the environment.

    Args:
        cluster: how to train.
        task: which process this is; None trains without others.
    """
    if task is None:
        return _mirrored(cluster.devices) if cluster.strategy == "mirrored" else {}
    if cluster.strategy == "multi_worker_mirrored":
        sparse.reduce_in_one_shape()
        return {"train_distribute": tf.distribute.MultiWorkerMirroredStrategy()}
    _wait_briefly()
    # By itself each worker begins 5 s after the one before it. (What RunConfig does by itself, and has to: device filters, so
    # that a session does not wait for a worker that is down.)
    return {"experimental_max_worker_delay_secs": 0}


def _mirrored(devices: int) -> dict[str, Any]:
    """One process, several devices: so many, 0 for all GPUs. Without GPUs the CPU is divided; each gets a batch of its own."""
    sparse.reduce_in_one_shape()
    gpus = len(tf.config.list_physical_devices("GPU"))
    if gpus:
        names = [f"GPU:{i}" for i in range(devices or gpus)]
        return {"train_distribute": tf.distribute.MirroredStrategy(names)}
    count = max(1, devices)
    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    # The sessions of an Estimator do not know of that division.
    session_config = tf.compat.v1.ConfigProto(device_count={"CPU": count}, allow_soft_placement=True)
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(count)])
    return {"train_distribute": strategy, "session_config": session_config}


def _wait_briefly() -> None:
    """Has a worker look again after a second whether the chief has made the model ready; TensorFlow 2.15 waits 30."""
    manager = session_manager.SessionManager
    if not isinstance(manager.__dict__["__init__"], functools.partialmethod):
        manager.__init__ = functools.partialmethod(manager.__init__, recovery_wait_secs=_WAIT_SECONDS)
