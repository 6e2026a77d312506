"""Settings of an Estimator's RunConfig for training with other processes or on several devices."""

from __future__ import annotations

import functools
from typing import Any

import tensorflow as tf
from tensorflow.python.training import session_manager

from trainer_module.cluster import sparse
from trainer_module.cluster.cluster_task import ClusterTask
from trainer_module.training.settings import Cluster

_WAIT_SECONDS = 1


def run_config(cluster: Cluster, task: ClusterTask | None) -> dict[str, Any]:
    """Returns the keyword arguments of the RunConfig of a process that trains.

    Call it before TensorFlow initialises its devices, and with the TF_CONFIG of the task in the environment.

    Args:
        cluster: how to train.
        task: which process this is; None if it trains alone.
    """
    if task is None:
        return _mirrored(cluster.devices) if cluster.strategy == "mirrored" else {}
    if cluster.strategy == "multi_worker_mirrored":
        sparse.patch_all_reduce()
        return {"train_distribute": tf.distribute.MultiWorkerMirroredStrategy()}
    _patch_wait_for_chief()
    # By default each worker starts 5 s after the one before it. (RunConfig's own device filters are needed: without them a
    # session waits for a worker that is down.)
    return {"experimental_max_worker_delay_secs": 0}


def _mirrored(devices: int) -> dict[str, Any]:
    """Returns the settings for one process with several devices. Each device gets its own batch.

    Args:
        devices: number of GPUs, 0 for all. Without GPUs, the CPU is divided into this many devices.
    """
    sparse.patch_all_reduce()
    gpus = len(tf.config.list_physical_devices("GPU"))
    if gpus:
        names = [f"GPU:{i}" for i in range(devices or gpus)]
        return {"train_distribute": tf.distribute.MirroredStrategy(names)}
    count = max(1, devices)
    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)
    # The sessions of an Estimator do not see the logical devices unless their configuration counts them.
    session_config = tf.compat.v1.ConfigProto(device_count={"CPU": count}, allow_soft_placement=True)
    strategy = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(count)])
    return {"train_distribute": strategy, "session_config": session_config}


def _patch_wait_for_chief() -> None:
    """Makes a worker check every second whether the chief has initialised the model; TensorFlow 2.15 checks every 30 s."""
    manager = session_manager.SessionManager
    if not isinstance(manager.__dict__["__init__"], functools.partialmethod):
        manager.__init__ = functools.partialmethod(manager.__init__, recovery_wait_secs=_WAIT_SECONDS)
