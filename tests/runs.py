"""Real runs of `python -m pipeline` in a process of its own, and a tiny learnable dataset to run on."""

import csv
import itertools
import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from data import discovery

ROOT = Path(__file__).parents[1]


@dataclass
class Result:
    """What a run gave."""

    code: int
    out: str
    err: str
    record: dict = field(default_factory=dict)

    def states(self):
        return {n["id"]: n["state"] for n in self.record["nodes"]}


def command(*args):
    return [sys.executable, "-m", "pipeline", *map(str, args)]


def environment(path=None):
    """The environment of a run: bytecode is used, and `path` can be imported from."""
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return env | ({"PYTHONPATH": str(path)} if path else {})


def cli(*args, path=None, stdin=None):
    """Runs any command."""
    done = subprocess.run(
        command(*args), cwd=ROOT, env=environment(path), input=stdin, capture_output=True, text=True, timeout=300, check=False
    )
    return Result(done.returncode, done.stdout, done.stderr)


def run(output, *args, path=None):
    """Runs the pipeline into `output`; `record` is its run.json."""
    result = cli("run", "--output-dir", output, *args, path=path)
    file = Path(output) / "run.json"
    result.record = json.loads(file.read_text()) if file.exists() else {}
    return result


def versions(output):
    """The names in the serving folder."""
    folder = Path(output) / "serving"
    return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


def head(dataset, target, rows):
    """Writes the first rows of a dataset's sample to `target` and returns it."""
    source = discovery.sample_path(discovery.dataset(dataset))
    with source.open() as lines, target.open("w") as out:
        out.writelines(itertools.islice(lines, rows + 1))
    return target


DATASET = '''"""Which fruit is ripe?"""

from pathlib import Path

from data.features import Bucketized, Categorical, Dataset, Label, Numeric, Vocabulary

DATASET = Dataset(
    name="toy.fruit",
    description="ripe or not",
    task="binary_classification",
    sample=str(Path(__file__).with_name("fruit.csv")),
    features=(
        Numeric("weight"),
        Bucketized("size", buckets=5),
        Vocabulary("colour", size=5),
        Categorical("crate", size=4),
    ),
    label=Label("ripe", dtype="int64"),
    slices=("colour",),
    min_auc=0.7,
    min_skill=0.05,
    train_steps=200,
)
'''

CONSTANT_MODEL = '''"""A constant model: what a gate must refuse."""

import tensorflow as tf


def search_space(hp):
    hp.Float("logit", -5.0, 5.0, default=-1.0)


def build(dataset, hp, config):
    return tf.estimator.Estimator(_model_fn, config=config, params={"logit": hp.get("logit")})


def _model_fn(features, labels, mode, params):
    rows = tf.shape(next(iter(features.values())))[0]
    logits = tf.fill([rows, 1], tf.compat.v1.get_variable("logit", initializer=params["logit"]))
    predictions = {"logistic": tf.sigmoid(logits)}
    if mode == tf.estimator.ModeKeys.PREDICT:
        return tf.estimator.EstimatorSpec(
            mode,
            predictions=predictions,
            export_outputs={"serving_default": tf.estimator.export.PredictOutput(predictions)},
        )
    loss = tf.reduce_mean(
        tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.cast(labels, tf.float32), logits=logits)
    )
    step = tf.compat.v1.train.get_or_create_global_step()
    return tf.estimator.EstimatorSpec(
        mode, predictions=predictions, loss=loss, train_op=step.assign_add(1), eval_metric_ops={}
    )
'''


def write_toy(folder):
    """Writes the package `toy` (a dataset, its sample, a constant model) into `folder` and returns `folder`."""
    package = folder / "toy"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "fruit.py").write_text(DATASET)
    (package / "constant.py").write_text(CONSTANT_MODEL)
    write_fruit(package / "fruit.csv")
    return folder


def write_fruit(target, rows=900, seed=7, change=lambda row: row):
    """Writes fruit, ripe by weight and colour with some noise and some missing values; `change` edits each row."""
    rng = random.Random(seed)
    with target.open("w", newline="") as file:
        out = csv.DictWriter(file, ["weight", "size", "colour", "crate", "ripe"])
        out.writeheader()
        for _ in range(rows):
            weight, colour = rng.gauss(100, 15), rng.choice(["red", "green", "yellow"])
            score = (weight - 100) / 10 + {"red": 2, "green": -2, "yellow": 0}[colour] + rng.gauss(0, 0.7)
            row = {
                "weight": "" if rng.random() < 0.03 else f"{weight:.1f}",
                "size": f"{rng.uniform(1, 9):.2f}",
                "colour": colour,
                "crate": rng.randrange(4),
                "ripe": int(score > 0),
            }
            out.writerow(change(row))
    return target
