"""A training described in plain values. `run_fn` makes it. The processes of a cluster or a trial read it from a file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import tensorflow as tf

from data import TASKS, discovery
from data.tasks import Direction
from trainer_module import fingerprint
from trainer_module.checkpoints.evaluations import Evaluations
from trainer_module.files import atomic
from trainer_module.training.settings import TrainSettings

FILE = "job.json"


@dataclass(frozen=True)
class Job:
    """A training described in plain values.

    Attributes:
        dataset: name of the dataset.
        model: name of the model.
        hyperparameters: name -> value, for all hyper-parameters of the model.
        train_files: patterns of the transformed examples (gzipped TFRecord) to train on.
        eval_files: patterns of those to evaluate on.
        transform_graph: folder of Transform's output.
        code: hash of the code that determines the weights.
        folder: the folder of the checkpoints, the Estimator's `model_dir`.
        settings: how to train.
        base_model: folder of the SavedModel whose weights the training starts from; None starts from the initial weights.
    """

    dataset: str
    model: str
    hyperparameters: dict[str, Any]
    train_files: list[str]
    eval_files: list[str]
    transform_graph: str
    code: str
    folder: str
    settings: TrainSettings
    base_model: str | None = None

    @property
    def direction(self) -> Direction:
        """Whether a higher or a lower `settings.best` is better."""
        return TASKS[discovery.dataset(self.dataset).task].metrics[self.settings.best]

    @property
    def evaluations(self) -> Evaluations:
        """The evaluations on disk."""
        return Evaluations(self.folder, self.settings.best, self.direction)

    def write(self, path: str) -> None:
        """Writes the job as JSON, atomically."""
        # json writes NumPy's floats, which an oracle returns; msgspec refuses them.
        atomic.write(path, json.dumps(asdict(self), indent=2, sort_keys=True, default=msgspec.to_builtins))

    def fingerprint(self) -> str:
        """Hashes everything that determines the weights at a step: not the length, the cadence or the machines."""
        return fingerprint.settings(
            data=sorted(self.train_files),
            transform=self.transform_graph,
            code=self.code,
            dataset=self.dataset,
            model=self.model,
            hyperparameters=self.hyperparameters,
            base_model=self.base_model,
            batch_size=self.settings.batch_size,
            seed=self.settings.seed,
            # It does not change the weights, but it decides which checkpoint was kept as the best one.
            best=self.settings.best,
        )


def read(path: str) -> Job:
    """Reads a file that `Job.write` has written."""
    with tf.io.gfile.GFile(path) as file:
        return msgspec.json.decode(file.read().encode(), type=Job)
