"""Small datasets: one of each task over a table, one of windows, one of texts."""

import dataclasses

from data import (
    BinaryLabel,
    Bucketized,
    Categorical,
    Dataset,
    MulticlassLabel,
    Numeric,
    NumericLabel,
    Series,
    Text,
    Vocabulary,
)

FRUIT = Dataset(
    name="fruit",
    sample="fruit.csv",
    features=(Numeric("weight"), Bucketized("size", buckets=3), Vocabulary("colour", size=2), Categorical("crate", size=2)),
    label=BinaryLabel("ripe"),
)
PRICES = dataclasses.replace(FRUIT, bounds=None, label=NumericLabel("price"))
KINDS = dataclasses.replace(FRUIT, bounds=None, label=MulticlassLabel("kind", ("apple", "pear", "plum")))
TIDE = Series(time="at", value="level", inputs=4, outputs=2)
LEVELS = Dataset(name="levels", sample="", features=TIDE.features, label=TIDE.label, series=TIDE)
REVIEWS = Dataset(name="reviews", sample="", features=(Text("said"),), label=BinaryLabel("good"))
