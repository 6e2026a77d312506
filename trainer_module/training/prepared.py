"""One training that is ready to run in this process. All parts of the training loop share this object."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass

import tensorflow as tf

from data.tasks import Direction
from trainer_module.checkpoints.checkpoints import step_of
from trainer_module.checkpoints.evaluations import Evaluations
from trainer_module.inputs import InputFn
from trainer_module.serving.receiver import ReceiverFn
from trainer_module.supervision.control import Control
from trainer_module.training import exporters
from trainer_module.training.settings import TrainSettings


@dataclass(frozen=True)
class PreparedTraining:
    """A training.

    Attributes:
        estimator: its `model_dir` is the folder of the training.
        settings: how to train, how often to save and evaluate, which model to export.
        direction: whether a higher or a lower `settings.best` is better.
        train_input_fn: rows to train on; its first batch is that of the next step.
        eval_input_fn: rows to evaluate on, one pass.
        receiver_fn: inputs of the served model.
        control: the link to the watchdog.
    """

    estimator: tf.estimator.Estimator
    settings: TrainSettings
    direction: Direction
    train_input_fn: InputFn
    eval_input_fn: InputFn
    receiver_fn: ReceiverFn
    control: Control

    @property
    def folder(self) -> str:
        """The folder of checkpoints, evaluations, exports and summaries."""
        return str(self.estimator.model_dir)

    @property
    def evaluations(self) -> Evaluations:
        """The evaluations on disk."""
        return Evaluations(self.folder, self.settings.best, self.direction)

    def step(self) -> int:
        """Returns the global step of the newest checkpoint, 0 if there is none."""
        return step_of(self.folder)

    def out_of_patience(self) -> bool:
        """Whether the stop rule ends the training, according to the evaluations on disk."""
        return self.evaluations.read().out_of_patience(self.settings.patience)

    def exporter(self) -> exporters.RememberingExporter:
        """Returns a new exporter of the kind that `settings.export` names."""
        settings = self.settings
        return exporters.build(settings.export, self.evaluations, self.receiver_fn, settings.keep_checkpoints, self.control)

    def exports_folder(self) -> str:
        """Returns the folder where `tf.estimator.train_and_evaluate` puts the exports."""
        return posixpath.join(self.folder, "export", self.settings.export)
