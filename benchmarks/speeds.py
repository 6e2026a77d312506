"""The rows, inputs and models of this project and of TFX's template that benchmarks/training.py measures, and their speeds."""

from __future__ import annotations

import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.util import tfxio_utils
from tfx.experimental.templates.taxi.models.estimator_model import constants
from tfx.experimental.templates.taxi.models.estimator_model import model as template
from tfx.types import standard_artifacts
from tfx_bsl.public import tfxio

from data import discovery
from pipeline import node_ids
from trainer_module import inputs
from trainer_module.estimators import build, hyperparameters

DATASET, MODEL = "taxi", "custom_wide_deep"
FILES = 8
WARM_SECONDS = 1.0
_READY_BATCHES = 100


@dataclass(frozen=True)
class Rows:
    """Transformed taxi trips, repeated many times.

    Attributes:
        files: gzipped TFRecord files.
        transform: the output of Transform.
        label: name of the label.
    """

    files: Sequence[str]
    transform: tft.TFTransformOutput
    label: str


def our_rows(output: Path, rows: int) -> Rows:
    """Returns rows as this pipeline trains on them."""
    _run("-m", "pipeline", "run", "--dataset", DATASET, "--to", node_ids.TRANSFORM, "--output-dir", output)
    return _repeated(output, discovery.dataset(DATASET).label.name, rows)


def stock_rows(output: Path, rows: int) -> Rows:
    """Returns rows as TFX's template trains on them: 3 features."""
    data = discovery.sample_path(discovery.dataset(DATASET)).parent
    _run("benchmarks/stock_taxi.py", "template", data, output)
    return _repeated(output, template.features.transformed_name(template.features.LABEL_KEY), rows)


def _run(*command: str | Path) -> None:
    subprocess.run([sys.executable, *map(str, command)], cwd=discovery.CHECKOUT, check=True, capture_output=True)


def _repeated(output: Path, label: str, rows: int) -> Rows:
    [graph] = output.joinpath("artifacts", *node_ids.TRANSFORM_GRAPH).iterdir()
    examples = output.joinpath("artifacts", *node_ids.TRANSFORMED_EXAMPLES)
    example_files = [str(file) for file in examples.glob("*/Split-train/*.gz")]
    records = itertools.cycle(tf.data.TFRecordDataset(example_files, "GZIP").as_numpy_iterator())
    files = [str(output / f"examples-{i:02}.gz") for i in range(FILES)]
    for file in files:
        with tf.io.TFRecordWriter(file, "GZIP") as writer:
            for record in itertools.islice(records, rows // FILES):
                writer.write(record)
    return Rows(files, tft.TFTransformOutput(str(graph)), label)


def our_input(rows: Rows, batch: int, memory_bytes: int = inputs.MEMORY_BYTES) -> inputs.InputFn:
    """Returns the input function of this project. With 0 bytes of memory it streams."""
    spec = rows.transform.transformed_feature_spec()
    return inputs.input_fn(rows.files, spec, rows.label, batch, training=True, seed=1, memory_bytes=memory_bytes)


def ready_batches(rows: Rows, batch: int) -> inputs.InputFn:
    """Returns an input function without cost: it repeats a hundred different batches that are ready in memory.

    One repeated batch would make training too fast (by a tenth, at 1,000 rows): its rows, and the rows of embeddings that they
    need, would stay in the cache of the processor.
    """
    return lambda: our_input(rows, batch, memory_bytes=0)().take(_READY_BATCHES).cache().repeat()


def stock_input(rows: Rows, batch: int) -> inputs.InputFn:
    """Returns the input function that `_input_fn` of TFX's template makes from the DataAccessor of TFX's Trainer."""
    examples = standard_artifacts.Examples()
    examples.split_names = json.dumps(["train"])
    factory = tfxio_utils.get_tf_dataset_factory_from_artifact([examples], [])
    options = tfxio.TensorFlowDatasetOptions(batch_size=batch, label_key=rows.label)
    return lambda: factory(list(rows.files), options, rows.transform.transformed_metadata.schema)


def our_model(config: tf.estimator.RunConfig) -> tf.estimator.Estimator:
    """Returns the Estimator of MODEL with its default hyper-parameters."""
    return build.build(discovery.dataset(DATASET), MODEL, hyperparameters.resolve(MODEL), config)


def stock_model(config: tf.estimator.RunConfig) -> tf.estimator.Estimator:
    """Returns the Estimator of TFX's template."""
    return template._build_estimator(config, constants.HIDDEN_UNITS)


@dataclass(frozen=True)
class Speed:
    """The measured speed of reading or training.

    Attributes:
        rate: batches per second.
        cpu: seconds of processor time per batch.
    """

    rate: float
    cpu: float


class Clock(tf.estimator.SessionRunHook):
    """Counts batches or training steps during `seconds`, after a warm-up of WARM_SECONDS."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self._batches, self._first = seconds, 0, 0.0
        self.speed: Speed | None = None

    def tick(self) -> bool:
        """Counts a batch. Returns whether it was the last one."""
        now = time.perf_counter()
        self._first = self._first or now
        if now - self._first < WARM_SECONDS:
            self._begun, self._cpu = now, time.process_time()
            return False
        self._batches += 1
        self.speed = Speed(self._batches / (now - self._begun), (time.process_time() - self._cpu) / self._batches)
        return now - self._begun >= self._seconds

    def after_run(self, run_context: tf.estimator.SessionRunContext, run_values: object) -> None:
        """Counts a step, and ends the training after the last one."""
        if self.tick():
            run_context.request_stop()


def read(make: inputs.InputFn, seconds: float) -> Speed:
    """Reads batches and does nothing with them."""
    clock = Clock(seconds)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        batches = tf.compat.v1.data.make_initializable_iterator(make())
        take_batch = session.make_callable(tf.group(*tf.nest.flatten(batches.get_next(), expand_composites=True)))
        session.run(batches.initializer)
        take_batch()
        while not clock.tick():
            take_batch()
    return clock.speed


def train(model: Callable[[tf.estimator.RunConfig], tf.estimator.Estimator], make: inputs.InputFn, seconds: float) -> Speed:
    """Trains in a new folder and saves only the last checkpoint."""
    clock = Clock(seconds)
    with tempfile.TemporaryDirectory() as folder:
        config = tf.estimator.RunConfig(model_dir=folder, tf_random_seed=1, save_checkpoints_steps=10**9)
        model(config).train(make, hooks=[clock])
    return clock.speed


def in_turn(ways: Mapping[str, Callable[[], Speed]], rounds: int) -> dict[str, list[Speed]]:
    """Measures all ways `rounds` times. Every second round runs in reverse order."""
    speeds: dict[str, list[Speed]] = {name: [] for name in ways}
    for i in range(rounds):
        for name in list(ways)[:: -1 if i % 2 else 1]:
            speeds[name].append(ways[name]())
    return speeds


def ratio(speeds: Mapping[str, list[Speed]], numerator: str, denominator: str) -> float:
    """Returns the ratio of two speeds: the median over the rounds."""
    return statistics.median(a.rate / b.rate for a, b in zip(speeds[numerator], speeds[denominator], strict=True))
