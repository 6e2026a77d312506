"""Which fruit is ripe?"""

from pathlib import Path

from data import BinaryLabel, Bound, Bucketized, Categorical, Dataset, Numeric, Training, Vocabulary

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
    label=BinaryLabel("ripe", dtype="int64"),
    slices=("colour",),
    bounds=(Bound("auc", at_least=0.7, max_degradation=0.005), Bound("accuracy_skill", at_least=0.05)),
    training=Training(steps=200),
)
