"""What the evaluations of a training have found: the best checkpoint so far, the newest one, and whether it is time to stop.

All of it is one small file beside the checkpoints, so that it survives the process: a training that was cut off goes on
with the best that it had, and one that is done is handed on again without training.
"""

from __future__ import annotations

import json
import math
import posixpath
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

import msgspec
import tensorflow as tf

from data.tasks import Direction
from trainer_module.checkpoints import checkpoints
from trainer_module.files import atomic

FILE = "evaluations.json"
# The folder of the best checkpoint: the Estimator deletes all but the newest ones.
BEST = "best"

Metrics = Mapping[str, float]


class MissingMetricError(ValueError):
    """The Estimator does not report the metric that chooses the best checkpoint."""


@dataclass(frozen=True)
class Evaluation:
    """One checkpoint that was evaluated.

    Attributes:
        step: of the checkpoint.
        checkpoint: its path below the training's folder.
        metrics: the Estimator's own.
        saved_model: the path of its export below the training's folder, if there is one.
    """

    step: int
    checkpoint: str
    metrics: dict[str, float]
    saved_model: str | None = None


@dataclass(frozen=True)
class EvaluationSummary:
    """The two evaluations of a training that decide how it goes on.

    Attributes:
        best: of all evaluations, the one with the best metric; None before one had a finite metric.
        last: the newest one; None before the first.
    """

    best: Evaluation | None = None
    last: Evaluation | None = None

    def out_of_patience(self, patience: int) -> bool:
        """Whether the newest evaluation came `patience` steps or more after the best one. A patience of 0 never ends."""
        if not patience or not self.last:
            return False
        return self.last.step - (self.best.step if self.best else 0) >= patience


@dataclass(frozen=True)
class Evaluations:
    """The evaluations of one training.

    Attributes:
        folder: of the training: checkpoints, summaries, exports.
        metric: what makes one checkpoint better than another.
        direction: which way it gets better.
    """

    folder: str
    metric: str
    direction: Direction

    def read(self) -> EvaluationSummary:
        """Returns what is known, from disk: another process may evaluate."""
        if not tf.io.gfile.exists(self._path(FILE)):
            return EvaluationSummary()
        with tf.io.gfile.GFile(self._path(FILE)) as file:
            return msgspec.convert(
                json.loads(file.read()), EvaluationSummary
            )  # json takes NaN and Infinity, msgspec.json does not

    def clear(self) -> None:
        """Forgets all evaluations: for a training that begins at the start."""
        for name in (FILE, BEST):
            if tf.io.gfile.exists(self._path(name)):
                tf.io.gfile.rmtree(self._path(name)) if name == BEST else tf.io.gfile.remove(self._path(name))

    def forget_after(self, step: int) -> None:
        """Forgets what was found behind a step: for a training that goes on from there, since a later checkpoint was lost."""
        found = self.read()
        if found.last and found.last.step > step:
            best = found.best if found.best and found.best.step <= step else None
            self._write(FILE, json.dumps(asdict(EvaluationSummary(best, best)), indent=2))

    def is_better(self, metrics: Metrics, than: Metrics | None) -> bool:
        """Whether one evaluation is better than another. One whose metric or loss is not finite never is.

        Raises:
            MissingMetricError: there is no such metric.
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
        """Whether an evaluation is better than all that were recorded."""
        best = self.read().best
        return self.is_better(metrics, best.metrics if best else None)

    def record(self, checkpoint: str, metrics: Metrics, saved_model: str | None) -> None:
        """Records an evaluation; if it is the best one, a copy of its checkpoint is kept.

        Killed at any moment, the record names a checkpoint that is there, whole.

        Args:
            checkpoint: path of the checkpoint.
            metrics: of it, with its `global_step`.
            saved_model: path of its export, or None.
        """
        best = self.read().best
        values = {name: float(value) for name, value in metrics.items()}
        export = posixpath.relpath(saved_model, self.folder) if saved_model else None
        last = Evaluation(int(values["global_step"]), posixpath.basename(checkpoint), values, export)
        if self.is_better(values, best.metrics if best else None):
            best = replace(last, checkpoint=self._keep(checkpoint))
        self._write(FILE, json.dumps(asdict(EvaluationSummary(best, last)), indent=2))
        if best:
            self._tidy(best)

    def exported(self, evaluation: Evaluation, saved_model: str) -> None:
        """Records the export of an evaluated checkpoint that was made afterwards."""
        found = self.read()
        export = posixpath.relpath(saved_model, self.folder)
        now = [replace(e, saved_model=export) if e == evaluation else e for e in (found.best, found.last)]
        self._write(FILE, json.dumps(asdict(EvaluationSummary(*now)), indent=2))

    def _keep(self, checkpoint: str) -> str:
        """Copies a checkpoint and makes it the newest one of its folder; the one before stays."""
        tf.io.gfile.makedirs(self._path(BEST))
        name = posixpath.basename(checkpoint)
        # Without its `.meta`, the graph: the model's code builds that.
        for source in tf.io.gfile.glob([f"{checkpoint}.data-*", f"{checkpoint}.index"]):
            tf.io.gfile.copy(source, self._path(BEST, posixpath.basename(source)), overwrite=True)
        checkpoints.point_to(self._path(BEST), [name])
        return posixpath.join(BEST, name)

    def _tidy(self, best: Evaluation) -> None:
        """Deletes what was the best before."""
        keep = f"{posixpath.basename(best.checkpoint)}."
        for name in tf.io.gfile.listdir(self._path(BEST)):
            if name != "checkpoint" and not name.startswith(keep):
                tf.io.gfile.remove(self._path(BEST, name))

    def _write(self, name: str, text: str) -> None:
        """Writes a file in one step."""
        atomic.write(self._path(name), text)

    def _path(self, *names: str) -> str:
        return posixpath.join(self.folder, *names)
