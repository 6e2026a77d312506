"""Runs trainings in this process, on examples of a real run."""

import functools
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
import tensorflow_transform as tft

from data import TASKS, discovery
from pipeline import node_ids
from tests.support.settings import train_settings
from trainer_module import inputs
from trainer_module.estimators import build as estimators
from trainer_module.estimators import hyperparameters
from trainer_module.serving import export
from trainer_module.serving.receiver import serving_input_receiver_fn
from trainer_module.supervision.control import Control
from trainer_module.training import loop
from trainer_module.training.prepared import PreparedTraining

BATCH = 50


@functools.cache
def transform_output(path):
    """Returns the TFTransformOutput of a folder, one object per process, as in entry.run_fn."""
    return tft.TFTransformOutput(path)


def artifact(output, node, key):
    """Returns the newest artifact folder of a node."""
    return str(max((Path(output) / "artifacts" / node / key).iterdir(), key=lambda p: int(p.name)))


@dataclass
class Bench:
    """Everything that a training of one model on one dataset needs.

    Attributes:
        output: output folder of a run up to Transform.
        dataset: the dataset.
        model: name of the model.
        model_dir: folder of the training.
        seed: seed of the training and of the order of rows.
    """

    output: Path
    dataset: object
    model: str
    model_dir: Path
    seed: int = 3

    @property
    def transform(self):
        """The TFTransformOutput of the run."""
        return transform_output(artifact(self.output, *node_ids.TRANSFORM_GRAPH))

    @property
    def raw_eval(self):
        """Files with the raw examples of the evaluation split."""
        examples = node_ids.WINDOW_EXAMPLES if self.dataset.series else node_ids.CSV_EXAMPLES
        return sorted(Path(artifact(self.output, *examples), "Split-eval").glob("*"))

    def input_fn(self, split, training):
        """Returns the input function of a split. `training`: endless and shuffled."""
        pattern = Path(artifact(self.output, *node_ids.TRANSFORMED_EXAMPLES), f"Split-{split}", "*")
        return inputs.input_fn(
            [str(pattern)],
            self.transform.transformed_feature_spec(),
            self.dataset.label.name,
            BATCH,
            training=training,
            seed=self.seed,
        )

    def receiver(self):
        return serving_input_receiver_fn(self.dataset, self.transform)

    def estimator(self):
        """Returns the model's Estimator with its default hyperparameters."""
        config = tf.estimator.RunConfig(
            model_dir=str(self.model_dir), tf_random_seed=self.seed, save_checkpoints_steps=1000, log_step_count_steps=1000
        )
        return estimators.build(self.dataset, self.model, hyperparameters.resolve(self.model), config)

    def train(self, steps):
        """Trains the model, exports it and finishes the export. Returns a TrainingResult."""
        best = self.dataset.best
        training = PreparedTraining(
            estimator=self.estimator(),
            settings=train_settings(steps, eval_seconds=600, best=best),
            direction=TASKS[self.dataset.task].metrics[best],
            train_input_fn=self.input_fn("train", True),
            eval_input_fn=self.input_fn("eval", False),
            receiver_fn=self.receiver(),
            control=Control(),
        )
        trained = loop.train(training)
        export.finish(trained.saved_model, self.dataset)
        return trained


def bench(output, dataset, model, model_dir, **settings):
    """Returns a Bench. `dataset`: name of the dataset."""
    return Bench(Path(output), discovery.dataset(dataset), model, Path(model_dir), **settings)


def weights(model_dir):
    """Returns variable name -> value in the newest checkpoint."""
    reader = tf.train.load_checkpoint(str(model_dir))
    return {name: reader.get_tensor(name) for name in sorted(reader.get_variable_to_shape_map())}
