"""Remembers two evaluations of a training: the best one and the newest one.

They are in one small file beside the checkpoints, so they survive the process: an interrupted training keeps its best
checkpoint, and a finished training returns its result again without training.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace

import tensorflow as tf

from data.tasks import Direction
from trainer_module.checkpoints import checkpoints
from trainer_module.files import json_file

FILE = "evaluations.json"
# The best checkpoint is copied to this folder, because the Estimator deletes all but the newest ones.
BEST = "best"

Metrics = Mapping[str, float]


class MissingMetricError(ValueError):
    """The Estimator does not report the metric that decides which checkpoint is the best one."""


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of one checkpoint.

    Attributes:
        step: the global step that the checkpoint holds.
        checkpoint: path of the checkpoint, relative to the training's folder.
        metrics: the Estimator's metrics, by name.
        saved_model: path of the checkpoint's export, relative to the training's folder; None if it was not exported.
    """

    step: int
    checkpoint: str
    metrics: dict[str, float]
    saved_model: str | None = None


@dataclass(frozen=True)
class EvaluationSummary:
    """The two evaluations on which the course of a training depends.

    Attributes:
        best: the evaluation with the best metric; None until one has a finite metric.
        last: the newest evaluation; None before the first one.
    """

    best: Evaluation | None = None
    last: Evaluation | None = None

    def out_of_patience(self, patience: int) -> bool:
        """Whether the newest evaluation came `patience` steps or more after the best one. A patience of 0 is unlimited."""
        if not patience or not self.last:
            return False
        return self.last.step - (self.best.step if self.best else 0) >= patience


@dataclass(frozen=True)
class Evaluations:
    """The evaluations of one training.

    Attributes:
        folder: the folder of the training.
        metric: name of the metric that decides which checkpoint is the best one.
        direction: whether a higher or a lower value is better.
    """

    folder: str
    metric: str
    direction: Direction

    def read(self) -> EvaluationSummary:
        """Returns both evaluations. Reads the file every time, because another process may write it."""
        return json_file.read(self._path(FILE), EvaluationSummary) or EvaluationSummary()

    def clear(self) -> None:
        """Removes the file and the best checkpoint. Called when a training starts at step 0."""
        for name in (FILE, BEST):
            if tf.io.gfile.exists(self._path(name)):
                tf.io.gfile.rmtree(self._path(name)) if name == BEST else tf.io.gfile.remove(self._path(name))

    def forget_after(self, step: int) -> None:
        """Forgets the evaluations after a step: later checkpoints were lost, and the training continues from that step."""
        summary = self.read()
        if summary.last and summary.last.step > step:
            best = summary.best if summary.best and summary.best.step <= step else None
            json_file.write(self._path(FILE), EvaluationSummary(best, best))

    def is_better(self, metrics: Metrics, than: Metrics | None) -> bool:
        """Whether one evaluation is better than another. An evaluation with an infinite metric or loss is never better.

        Args:
            metrics: metrics of the first evaluation.
            than: metrics of the other evaluation; None if there is no other.

        Raises:
            MissingMetricError: `metrics` lacks the deciding metric.
        """
        if self.metric not in metrics:
            raise MissingMetricError(
                f"The best checkpoint is chosen by '{self.metric}', but the Estimator does not report it. "
                f"It reports: {', '.join(sorted(metrics))}."
            )
        value = metrics[self.metric]
        if not math.isfinite(value) or not math.isfinite(metrics.get("loss", 0.0)):
            return False
        if than is None:
            return True
        return bool(value > than[self.metric] if self.direction == "higher" else value < than[self.metric])

    def is_best(self, metrics: Metrics) -> bool:
        """Whether an evaluation is better than all recorded ones."""
        best = self.read().best
        return self.is_better(metrics, best.metrics if best else None)

    def record(self, checkpoint: str, metrics: Metrics, saved_model: str | None) -> None:
        """Writes an evaluation to the file. Keeps a copy of the checkpoint if it is the best one.

        Even if the process is killed at any moment, the file names only checkpoints that are complete.

        Args:
            checkpoint: path of the checkpoint.
            metrics: the Estimator's metrics, with `global_step`.
            saved_model: path of the export, None if it was not exported.
        """
        best = self.read().best
        values = {name: float(value) for name, value in metrics.items()}
        export = posixpath.relpath(saved_model, self.folder) if saved_model else None
        last = Evaluation(int(values["global_step"]), posixpath.basename(checkpoint), values, export)
        if self.is_better(values, best.metrics if best else None):
            best = replace(last, checkpoint=self._keep(checkpoint))
        json_file.write(self._path(FILE), EvaluationSummary(best, last))
        if best:
            self._tidy(best)

    def exported(self, evaluation: Evaluation, saved_model: str) -> None:
        """Adds an export to an evaluation that is already in the file."""
        summary, export = self.read(), posixpath.relpath(saved_model, self.folder)
        best, last = (replace(e, saved_model=export) if e == evaluation else e for e in (summary.best, summary.last))
        json_file.write(self._path(FILE), EvaluationSummary(best, last))

    def _keep(self, checkpoint: str) -> str:
        """Copies a checkpoint to the folder of the best one and makes it the newest there. Returns its relative path."""
        tf.io.gfile.makedirs(self._path(BEST))
        name = posixpath.basename(checkpoint)
        # Without the `.meta` file: the model's code builds the graph.
        for source in tf.io.gfile.glob([f"{checkpoint}.data-*", f"{checkpoint}.index"]):
            tf.io.gfile.copy(source, self._path(BEST, posixpath.basename(source)), overwrite=True)
        checkpoints.point_to(self._path(BEST), [name])
        return posixpath.join(BEST, name)

    def _tidy(self, best: Evaluation) -> None:
        """Deletes the checkpoint that was the best one before."""
        keep = f"{posixpath.basename(best.checkpoint)}."
        for name in tf.io.gfile.listdir(self._path(BEST)):
            if name != "checkpoint" and not name.startswith(keep):
                tf.io.gfile.remove(self._path(BEST, name))

    def _path(self, *names: str) -> str:
        return posixpath.join(self.folder, *names)
