"""Is an opinion good? A "not" before "good" or "bad" reverses it."""

from pathlib import Path

from data import BinaryLabel, Bound, Dataset, Text, Training

DATASET = Dataset(
    name="toy.opinion",
    description="a few words",
    model="keras_sequence_classifier",
    sample=str(Path(__file__).with_name("opinion.csv")),
    features=(Text("words", length=6, size=30),),
    label=BinaryLabel("likes", dtype="int64"),
    bounds=(Bound("auc", at_least=0.9), Bound("accuracy_skill", at_least=0.3)),
    training=Training(steps=300, batch_size=50),
)
