"""Model quality on the same rows: every model that fits a dataset, compared with simple reference predictors.

    .venv/bin/python benchmarks/quality.py [--dataset NAME ...] [--models NAME ...] [--data PATH] [--output-dir DIR]

Trains the models with the pipeline, in one folder per dataset; on a second run in the same folder the nodes are cached. Then
it reads the rows of both splits from the examples that the pipeline wrote, trains the references (`references.py`) on the
training rows, and scores all of them on the evaluation rows. The models are scored as they would be served. Prints Markdown.

Exit status: 0; 1 if a model breaks a promise of `scores.py`; 2 if there is nothing to compare.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from tfx.orchestration import metadata
from tfx.utils import path_utils

from benchmarks import references, scores
from benchmarks.references import Examples
from data import EVAL_SPLIT, TRAIN_SPLIT, Dataset, discovery
from pipeline import errors, node_ids
from pipeline.record import collect, store
from trainer_module.estimators import compatibility
from trainer_module.models import NAME as MODELS
from trainer_module.serving import signatures

_BATCH = 1000


class CannotCompareError(RuntimeError):
    """There is nothing to compare. The message says why."""


@dataclass(frozen=True)
class Trained:
    """The results of a run.

    Attributes:
        saved_model: folder of the SavedModel.
        examples: folder of the examples of both splits, as an ExampleGen wrote them.
        seconds: duration of the Trainer; None if the training came from the cache.
    """

    saved_model: str
    examples: str
    seconds: float | None


def train(dataset: str, model: str, output: Path, options: Sequence[str]) -> Trained:
    """Runs the pipeline, with `options` of the command line. Returns its results.

    Raises:
        CannotCompareError: a node failed, or a gate refused before training.
    """
    command = [sys.executable, "-m", "pipeline", "run", "--dataset", dataset, "--model", model, "--output-dir", str(output)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run([*command, *options], cwd=discovery.CHECKOUT, env=environment, capture_output=True, text=True)
    # If the evaluation refuses the model (status 3), the model exists and can be compared.
    if run.returncode not in (errors.OK, errors.REFUSED):
        raise CannotCompareError(f"{model} could not be trained: {run.stderr.strip()}")
    newest = next(store.newest_first(str(output)))
    database = metadata.sqlite_metadata_connection_config(str(output / "metadata.sqlite"))
    with metadata.Metadata(database) as handle:
        artifacts = collect.outputs_of(handle.store, newest.run_id)
    if node_ids.MODEL not in artifacts:
        raise CannotCompareError(f"{model} was not trained: {newest.why}")
    trainer = next(node for node in newest.nodes if node.id == node_ids.TRAINER)
    rows = (node_ids.CSV_EXAMPLES, node_ids.WINDOW_EXAMPLES)
    [examples] = (artifacts[output].uri for output in rows if output in artifacts)
    saved_model = path_utils.serving_model_path(artifacts[node_ids.MODEL].uri)
    return Trained(saved_model, examples, None if trainer.cached else trainer.seconds)


def train_all(dataset: str, models: Sequence[str], output: Path, options: Sequence[str]) -> dict[str, Trained]:
    """Trains models. Returns the results: model name -> results of its run.

    Raises:
        CannotCompareError: see `train`; or the models were not trained on the same rows.
    """
    trained_models = {model: train(dataset, model, output, options) for model in models}
    if len({run.examples for run in trained_models.values()}) != 1:
        raise CannotCompareError("The models were not trained on the same examples.")
    return trained_models


def fitting(dataset: Dataset, models: Sequence[str]) -> list[str]:
    """Returns the models that can be trained on a dataset.

    Raises:
        CannotCompareError: no model can.
    """
    reasons = {model: compatibility.why_unfit(dataset, model) for model in models}
    fitting_models = [model for model, why in reasons.items() if not why]
    if not fitting_models:
        raise CannotCompareError(" ".join(f"{why}" for why in reasons.values()))
    return fitting_models


def read(examples: str, split: str) -> Examples:
    """Returns the serialised examples of a split."""
    files = sorted(tf.io.gfile.glob(f"{examples}/Split-{split}/*.gz"))
    return list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator())


def ask(model: tf.Module, signature: str, key: str, rows: Examples) -> np.ndarray:
    """Returns one output of a served model: [rows], or [rows, n] if it has several values per row."""
    serve = model.signatures[signature]
    batches = (tf.constant(rows[i : i + _BATCH]) for i in range(0, len(rows), _BATCH))
    values = np.concatenate([serve(examples=batch)[key].numpy() for batch in batches])
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values


def compare(name: str, models: Sequence[str], output: Path, options: Sequence[str]) -> tuple[str, scores.Scores]:
    """Trains and scores models and references on a dataset. Returns the report and the scores.

    Raises:
        CannotCompareError: see `train_all`.
        references.NotATableError: see `references.predict`.
    """
    dataset = discovery.dataset(name)
    trained_models = train_all(name, models, output, options)
    examples = next(iter(trained_models.values())).examples
    train_rows, eval_rows = read(examples, TRAIN_SPLIT), read(examples, EVAL_SPLIT)
    served = {model: tf.saved_model.load(run.saved_model) for model, run in trained_models.items()}
    # Every model has the signature that computes the label from raw examples: any of them gives the labels.
    labelling_model = next(iter(served.values()))
    train_labels, labels = (
        ask(labelling_model, signatures.TRANSFORM_LABELS, dataset.label.name, rows) for rows in (train_rows, eval_rows)
    )

    predictions = {
        n: ask(model, signatures.SERVING_DEFAULT, signatures.SERVED_PREDICTION[dataset.task], eval_rows)
        for n, model in served.items()
    }
    predictions |= references.predict(dataset, train_rows, train_labels, eval_rows)
    model_scores = scores.score(dataset.task, labels, predictions)
    title = f"{name} ({dataset.label.name}): {len(train_rows)} training rows, {len(eval_rows)} evaluation rows."
    seconds = {model: run.seconds for model, run in trained_models.items()}
    return f"{title}\n\n{scores.table(dataset.task, model_scores, seconds)}\n", model_scores


def arguments() -> argparse.Namespace:
    """Parses the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", nargs="+", metavar="NAME", help="by default all datasets")
    parser.add_argument("--models", nargs="+", metavar="NAME", help="by default all; a dataset uses those that fit it")
    parser.add_argument("--data", metavar="PATH", help="rows instead of the sample of the dataset; needs one --dataset")
    parser.add_argument(
        "--output-dir", type=Path, metavar="DIR", help="kept, and reused as a cache; by default a temporary folder"
    )
    parser.add_argument(
        "--set", nargs="+", default=[], metavar="KEY=VALUE", help="settings of the pipeline, such as train.seed=2"
    )
    options = parser.parse_args()
    if options.data and len(options.dataset or []) != 1:
        parser.error("--data needs one --dataset.")
    return options


def main() -> int:
    """Measures and prints. Returns the exit status."""
    options = arguments()
    data_options = ["--data", str(Path(options.data).absolute())] if options.data else []
    pipeline_options = [*data_options, *(word for assignment in options.set for word in ("--set", assignment))]
    began, broken = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        output = (options.output_dir or Path(temporary)).absolute()
        try:
            for name in options.dataset or discovery.names(discovery.DATASETS):
                dataset = discovery.dataset(name)
                models = fitting(dataset, options.models or discovery.names(MODELS))
                report, model_scores = compare(name, models, output / name, pipeline_options)
                print(report, flush=True)
                broken += scores.broken_promises(dataset, model_scores, models, sample=not options.data)
        except (CannotCompareError, references.NotATableError, discovery.UnknownNameError) as error:
            print(error, file=sys.stderr)
            return 2
    print(f"{time.monotonic() - began:.0f} s in all.")
    print("\n".join(broken), file=sys.stderr, end="\n" if broken else "")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
