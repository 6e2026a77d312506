"""Completes the settings of training and tuning with what the dataset suggests, and checks that they fit it."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timezone
from typing import Any

import msgspec

from data import TASKS, Dataset
from pipeline.config.tables import Train, Tune
from pipeline.errors import UsageError
from trainer_module.training.settings import Cluster, TrainSettings
from trainer_module.tuning.settings import TuneSettings


def training(train: Train, dataset: Dataset) -> TrainSettings:
    """Returns the settings of the training. The dataset suggests the values that the configuration leaves out.

    Raises:
        UsageError: the metric cannot choose a checkpoint of this dataset, or the cluster cannot train.
    """
    suggested = {**dataclasses.asdict(dataset.training), "best": dataset.best}
    configured = msgspec.structs.asdict(train)
    values: dict[str, Any] = {key: suggested.get(key) if value is None else value for key, value in configured.items()}
    if train.checkpoint_steps is None and suggested["checkpoint_steps"] and not values["patience"]:
        values["checkpoint_steps"] = _scaled_checkpoint_steps(
            suggested["checkpoint_steps"], suggested["steps"], values["steps"]
        )
    _check_selection_metric("train.best", "checkpoint", values["best"], dataset)
    _check_cluster(train.cluster)
    # Identifies this run, so that a retry of it continues from its own checkpoints.
    values["fresh_run_id"] = "" if train.resume else datetime.now(timezone.utc).isoformat()
    return TrainSettings(**{name: values[name] for name in TrainSettings.__struct_fields__})


def _scaled_checkpoint_steps(checkpoint_steps: int, suggested_steps: int, steps: int) -> int:
    """Scales the steps between two checkpoints, so that a longer training writes no more checkpoints than suggested."""
    return checkpoint_steps * max(1, -(-steps // suggested_steps))


def tuning(tune: Tune, dataset: Dataset) -> TuneSettings:
    """Returns the settings of the Tuner.

    Raises:
        UsageError: the objective cannot compare trials of this dataset.
    """
    if tune.objective is not None:
        _check_selection_metric("tune.objective", "trial", tune.objective, dataset)
    return TuneSettings(**{name: getattr(tune, name) for name in TuneSettings.__struct_fields__})


def _check_selection_metric(key: str, role: str, metric: str, dataset: Dataset) -> None:
    selection_metrics = TASKS[dataset.task].selection_metrics
    if metric not in selection_metrics:
        raise UsageError(
            f"Configuration key '{key}': the best {role} of a {dataset.task} cannot be chosen by '{metric}'. "
            f"It can be chosen by: {', '.join(selection_metrics)}."
        )


def _check_cluster(cluster: Cluster) -> None:
    """Checks that the strategy can train with the configured numbers of processes."""
    wrong = {
        "parameter_server": bool(cluster.workers) != bool(cluster.ps),
        "multi_worker_mirrored": bool(cluster.ps) or not cluster.workers,
        "mirrored": bool(cluster.ps or cluster.workers),
    }
    needed = {
        "parameter_server": "workers and ps",
        "multi_worker_mirrored": "workers and no ps: its workers hold the variables themselves",
        "mirrored": "neither workers nor ps: it is one process",
    }
    if wrong[cluster.strategy]:
        raise UsageError(
            f"Configuration table 'train.cluster': the strategy {cluster.strategy} needs {needed[cluster.strategy]}. "
            f"Received: workers = {cluster.workers}, ps = {cluster.ps}."
        )
