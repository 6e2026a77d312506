"""Model quality on the same rows: every model that fits a dataset, beside gradient boosting and a constant.

    .venv/bin/python benchmarks/quality.py [--dataset taxi] [--output-dir DIR]

Trains every model through the pipeline into one output folder (a second time there its nodes are cached). Then it takes
the rows of both splits from the examples that CsvExampleGen has written, gives the training rows as they are to
scikit-learn's HistGradientBoostingClassifier with its default settings, and scores the evaluation rows with all of them:
the models as they would be served. Prints Markdown.

Exit status: 0; 1 if the best model's AUC is more than 0.02 below gradient boosting's; 2 if the dataset has no such table.
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
import pandas as pd
import tensorflow as tf
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from tfx.orchestration import metadata
from tfx.utils import path_utils

from data import discovery
from data.features import EVAL_SPLIT, TRAIN_SPLIT, Bucketized, Categorical, Dataset, Numeric, Vocabulary
from pipeline import errors, outcome, record
from trainer_module import export
from trainer_module.models import NAME as MODELS

ALLOWED_AUC_GAP = 0.02
# HistGradientBoostingClassifier takes no more values of one column; the rarer ones count as missing.
MOST_CATEGORIES = 255
_BATCH = 1000

Examples = Sequence[bytes]  # serialised tf.Examples


class CannotCompareError(RuntimeError):
    """There is nothing to compare, and why."""


@dataclass(frozen=True)
class Trained:
    """What a run has left.

    Attributes:
        saved_model: folder of the model's SavedModel.
        examples: folder of the examples of both splits, as CsvExampleGen has written them.
    """

    saved_model: str
    examples: str


def train(dataset: str, model: str, output: Path) -> Trained | str:
    """Runs the pipeline. Returns what it has left; or, for a model that does not fit the dataset, what it said.

    Raises:
        CannotCompareError: a node failed, or a gate refused before training.
    """
    command = [sys.executable, "-m", "pipeline", "run", "--dataset", dataset, "--model", model, "--output-dir", str(output)]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run(command, cwd=discovery.CHECKOUT, env=environment, capture_output=True, text=True)
    if run.returncode == errors.USAGE:
        return run.stderr.strip()
    # A model that the evaluation refuses (status 3) is a model all the same.
    if run.returncode not in (errors.OK, errors.REFUSED):
        raise CannotCompareError(f"{model} could not be trained: {run.stderr.strip()}")
    newest = next(record.earlier(str(output)))
    store = metadata.sqlite_metadata_connection_config(str(output / "metadata.sqlite"))
    with metadata.Metadata(store) as handle:
        left = outcome.outputs_of(handle.store, newest.run_id)
    if ("Trainer", "model") not in left:
        raise CannotCompareError(f"{model} was not trained: {newest.why}")
    return Trained(path_utils.serving_model_path(left["Trainer", "model"].uri), left["CsvExampleGen", "examples"].uri)


def read(examples: str, split: str) -> Examples:
    """Returns the rows of a split."""
    files = sorted(tf.io.gfile.glob(f"{examples}/Split-{split}/*.gz"))
    return list(tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator())


def ask(model: tf.Module, signature: str, key: str, rows: Examples) -> np.ndarray:
    """Returns one output of a served model, [rows]."""
    serve = model.signatures[signature]
    batches = (tf.constant(rows[i : i + _BATCH]) for i in range(0, len(rows), _BATCH))
    return np.concatenate([serve(examples=batch)[key].numpy().reshape(-1) for batch in batches])


def columns(dataset: Dataset, rows: Examples) -> pd.DataFrame:
    """Returns the raw features, one column each: numbers, or categories where the value is a name; NaN where missing.

    Raises:
        CannotCompareError: a feature of a kind that is no column of a table.
    """
    spec = {f.name: tf.io.VarLenFeature(tf.dtypes.as_dtype(f.dtype)) for f in dataset.features}
    parsed = tf.io.parse_example(tf.constant(rows), spec)
    named = {}
    for feature in dataset.features:
        if not isinstance(feature, (Numeric, Bucketized, Categorical, Vocabulary)):
            kind = type(feature).__name__
            raise CannotCompareError(
                f"'{feature.name}' is a {kind}, which benchmarks/quality.py cannot give to a table's model."
            )
        values = parsed[feature.name]
        numeric = isinstance(feature, (Numeric, Bucketized))
        column = np.full(len(rows), np.nan, np.float64 if numeric else object)
        column[values.indices[:, 0].numpy()] = values.values.numpy()
        named[feature.name] = column
    return pd.DataFrame(named)


def categorise(train_table: pd.DataFrame, eval_table: pd.DataFrame) -> None:
    """Turns the columns of names into categories, those of the training rows, in both tables."""
    for name in train_table.select_dtypes(object).columns:
        known = train_table[name].value_counts().index[:MOST_CATEGORIES]
        for rows in (train_table, eval_table):
            rows[name] = pd.Categorical(rows[name], categories=known)


def references(dataset: Dataset, train_rows: Examples, labels: np.ndarray, eval_rows: Examples) -> dict[str, np.ndarray]:
    """Trains what models are compared with. Returns name -> probabilities of `eval_rows`; gradient boosting is the first."""
    train_table, eval_table = columns(dataset, train_rows), columns(dataset, eval_rows)
    categorise(train_table, eval_table)
    boosting = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=1)
    constant = DummyClassifier(strategy="prior")
    return {type(c).__name__: c.fit(train_table, labels).predict_proba(eval_table)[:, 1] for c in (boosting, constant)}


def train_all(dataset: Dataset, output: Path) -> dict[str, Trained]:
    """Trains every model that fits, and says on stderr which do not. Returns model name -> what its run has left.

    Raises:
        CannotCompareError: no model fits, or they were not trained on the same rows.
    """
    trained = {}
    for model in discovery.names(MODELS):
        run = train(dataset.name, model, output)
        if isinstance(run, Trained):
            trained[model] = run
        else:
            print(f"{model} does not fit: {run}", file=sys.stderr)
    if len({run.examples for run in trained.values()}) != 1:
        raise CannotCompareError("The models were not trained on the same examples." if trained else "No model fits.")
    return trained


def compare(dataset: Dataset, output: Path) -> tuple[str, bool]:
    """Trains and scores everything. Returns the report, and whether the best model is good enough.

    Raises:
        CannotCompareError: see the message.
    """
    if dataset.task != "binary_classification":
        raise CannotCompareError(f"'{dataset.name}' is a {dataset.task}; this compares binary classifiers.")
    trained = train_all(dataset, output)
    examples = next(iter(trained.values())).examples
    train_rows, eval_rows = read(examples, TRAIN_SPLIT), read(examples, EVAL_SPLIT)
    models = {name: tf.saved_model.load(run.saved_model) for name, run in trained.items()}
    # The label's rule is the project's own; every model carries it.
    teacher = next(iter(models.values()))
    train_labels, labels = (ask(teacher, export.TRANSFORM_LABELS, dataset.label.name, rows) for rows in (train_rows, eval_rows))

    served = {name: ask(model, export.SERVING_DEFAULT, export.PROBABILITY, eval_rows) for name, model in models.items()}
    others = references(dataset, train_rows, train_labels, eval_rows)
    auc = {name: roc_auc_score(labels, p) for name, p in {**served, **others}.items()}
    good = max(auc[name] for name in served) >= auc[next(iter(others))] - ALLOWED_AUC_GAP
    counts = f"{dataset.name}: {len(train_rows)} training rows, {len(eval_rows)} evaluation rows."
    return f"{counts}\n\n{table({**served, **others}, labels)}", good


def table(probabilities: dict[str, np.ndarray], labels: np.ndarray) -> str:
    """Returns the metrics of all as Markdown."""
    lines = ["| model | AUC | accuracy | log loss |", "| --- | ---: | ---: | ---: |"]
    for name, p in probabilities.items():
        accuracy = accuracy_score(labels, p > 0.5)
        lines.append(f"| {name} | {roc_auc_score(labels, p):.4f} | {accuracy:.4f} | {log_loss(labels, p):.4f} |")
    return "\n".join(lines)


def main() -> int:
    """Measures and prints. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="taxi", metavar="NAME")
    parser.add_argument("--output-dir", type=Path, metavar="DIR", help="kept, and used again; by default a temporary folder")
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        try:
            text, good = compare(discovery.dataset(arguments.dataset), (arguments.output_dir or Path(temporary)).absolute())
        except (CannotCompareError, discovery.UnknownNameError) as error:
            print(error, file=sys.stderr)
            return 2
    print(f"{text}\n\n{time.monotonic() - started:.0f} s in all.")
    if not good:
        print(f"The best model is more than {ALLOWED_AUC_GAP} of AUC below gradient boosting.", file=sys.stderr)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
