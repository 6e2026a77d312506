"""Real runs of `python -m pipeline` in a process of its own, and a tiny learnable dataset to run on."""

import csv
import itertools
import json
import math
import os
import random
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from data import discovery

ROOT = Path(__file__).parents[2]


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
    with source.open(newline="") as lines, target.open("w", newline="") as out:
        csv.writer(out).writerows(itertools.islice(csv.reader(lines), rows + 1))
    return target


DATASET = '''"""Which fruit is ripe?"""

from pathlib import Path

from data import Bound, Bucketized, Categorical, Dataset, Label, Numeric, Training, Vocabulary

DATASET = Dataset(
    name="toy.fruit",
    description="ripe or not",
    sample=str(Path(__file__).with_name("fruit.csv")),
    features=(
        Numeric("weight"),
        Bucketized("size", buckets=5),
        Vocabulary("colour", size=5),
        Categorical("crate", size=4),
    ),
    label=Label("ripe", dtype="int64"),
    slices=("colour",),
    bounds=(Bound("auc", at_least=0.7, may_lose=0.005), Bound("accuracy_skill", at_least=0.05)),
    training=Training(steps=200),
)
'''

SPECIES = '''"""Which of three species?"""

from pathlib import Path

from data import Bound, Categorical, ClassLabel, Dataset, Numeric, Training, Vocabulary

DATASET = Dataset(
    name="toy.species",
    description="one of three, some rows count more than others",
    sample=str(Path(__file__).with_name("species.csv")),
    features=(Numeric("length"), Numeric("width"), Vocabulary("soil", size=4), Categorical("height", size=6)),
    label=ClassLabel("species", classes=("setosa", "virginica", "vulgaris")),
    weight="seen",
    slices=("soil",),
    bounds=(Bound("accuracy_skill", at_least=0.1), Bound("accuracy", may_lose=0.05)),
    training=Training(steps=200),
)
'''

OPINION = '''"""Good or not? What counts is whether "not" stands before it."""

from pathlib import Path

from data import Bound, Dataset, Label, Text, Training

DATASET = Dataset(
    name="toy.opinion",
    description="a few words",
    model="keras_sequence_classifier",
    sample=str(Path(__file__).with_name("opinion.csv")),
    features=(Text("words", length=6, size=30),),
    label=Label("likes", dtype="int64"),
    bounds=(Bound("auc", at_least=0.9), Bound("accuracy_skill", at_least=0.3)),
    training=Training(steps=300, batch_size=50),
)
'''

TIDE = '''"""The water in three harbours, every two hours."""

from pathlib import Path

from data import Bound, Dataset, Series, Training

SERIES = Series(
    time="at", time_format="%Y-%m-%dT%H:%M", value="level", id="harbour", step="2h",
    inputs=14, outputs=3, season=12, calendar=("day",), max_gap=2, eval_share=0.4, embargo=1,
)
DATASET = Dataset(
    name="toy.tide",
    description="the next six hours",
    model="lstm_forecaster",
    series=SERIES,
    sample=str(Path(__file__).with_name("tide.csv")),
    features=SERIES.features,
    label=SERIES.label,
    slices=("series",),
    bounds=(Bound("relative_rmse", at_most=1.0),),
    training=Training(steps=300, batch_size=50),
)
'''

# The same series, a single value ahead.
SURGE = TIDE.replace("toy.tide", "toy.surge").replace("outputs=3", "outputs=1")

TOYS = {"toy.fruit": DATASET, "toy.species": SPECIES, "toy.opinion": OPINION, "toy.tide": TIDE, "toy.surge": SURGE}

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
    """Writes the package `toy` (datasets, their samples, a constant model) into `folder` and returns `folder`."""
    package = folder / "toy"
    package.mkdir()
    (package / "__init__.py").touch()
    for name, text in TOYS.items():
        (package / f"{name.removeprefix('toy.')}.py").write_text(text)
    (package / "constant.py").write_text(CONSTANT_MODEL)
    write_fruit(package / "fruit.csv")
    write_species(package / "species.csv")
    write_opinion(package / "opinion.csv")
    write_tide(package / "tide.csv")
    return folder


def declared(name):
    """The Dataset of a toy, before anything is written."""
    names = {"__file__": "toy/toy.py"}
    exec(TOYS[name], names)
    return names["DATASET"]


def write_opinion(target, rows=600, seed=9):
    """Writes opinions: neutral words, "good" or "bad", and every other time a "not" before it."""
    rng = random.Random(seed)
    with target.open("w", newline="") as file:
        out = csv.DictWriter(file, ["words", "likes"])
        out.writeheader()
        for _ in range(rows):
            good, negated = rng.random() < 0.5, rng.random() < 0.5
            words = rng.sample(["the", "film", "of", "today", "a", "play"], rng.randrange(1, 4))
            words += ["not"] * negated + ["good" if good else "bad"]
            out.writerow({"words": " ".join(words), "likes": int(good != negated)})
    return target


def write_tide(target, steps=400, seed=10):
    """Writes three series of two hours each, out of order, with gaps, duplicates and missing values."""
    rng = random.Random(seed)
    rows = []
    for phase, harbour in enumerate(["Brest", "Dover", "Oslo"]):
        level = 0.0
        for i in range(steps):
            level += rng.gauss(0, 0.05)
            value = 3 * math.sin(2 * math.pi * (i / 12 + phase / 3)) + level + rng.gauss(0, 0.3)
            at = datetime(2024, 2, 1) + timedelta(hours=2 * i, minutes=rng.randrange(120))
            if rng.random() < 0.97:
                rows.append([f"{at:%Y-%m-%dT%H:%M}", harbour, "" if rng.random() < 0.02 else f"{value:.3f}"])
            if rng.random() < 0.05:
                rows.append(rows[-1])
    rng.shuffle(rows)
    with target.open("w", newline="") as file:
        csv.writer(file).writerows([["at", "harbour", "level"], *rows])
    return target


def write_species(target, rows=900, seed=8):
    """Writes plants of three species, told apart by length and soil, with weights; some values are missing."""
    rng = random.Random(seed)
    species = {"setosa": (2.0, 0.5), "virginica": (4.0, 1.5), "vulgaris": (4.0, 3.0)}
    with target.open("w", newline="") as file:
        out = csv.DictWriter(file, ["length", "width", "soil", "height", "seen", "species"])
        out.writeheader()
        for _ in range(rows):
            kind = rng.choices(list(species), [5, 3, 2])[0]
            length, width = species[kind]
            row = {
                "length": "" if rng.random() < 0.03 else f"{rng.gauss(length, 0.6):.2f}",
                "width": f"{rng.gauss(width, 0.6):.2f}",
                "soil": rng.choice(["clay", "sand", "loam"]),
                "height": rng.randrange(6),
                "seen": "" if rng.random() < 0.1 else f"{rng.choice([0.5, 1, 4])}",
                "species": kind,
            }
            out.writerow(row)
    return target


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
