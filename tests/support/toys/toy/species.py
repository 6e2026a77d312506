"""Which of three species is a plant? Some rows count more than others."""

from pathlib import Path

from data import Bound, Categorical, Dataset, MulticlassLabel, Numeric, Training, Vocabulary

DATASET = Dataset(
    name="toy.species",
    description="one of three, some rows count more than others",
    sample=str(Path(__file__).with_name("species.csv")),
    features=(Numeric("length"), Numeric("width"), Vocabulary("soil", size=4), Categorical("height", size=6)),
    label=MulticlassLabel("species", classes=("setosa", "virginica", "vulgaris")),
    weight="seen",
    slices=("soil",),
    bounds=(Bound("accuracy_skill", at_least=0.1), Bound("accuracy", max_degradation=0.05)),
    training=Training(steps=200),
)
