"""The dataset tide with a forecast of a single value."""

from dataclasses import replace

from data import Dataset

from . import tide

SERIES = replace(tide.SERIES, outputs=1)
DATASET = Dataset(
    name="toy.surge",
    description="the next two hours",
    model="lstm_forecaster",
    series=SERIES,
    sample=tide.DATASET.sample,
    features=SERIES.features,
    label=SERIES.label,
    slices=tide.DATASET.slices,
    bounds=tide.DATASET.bounds,
    training=tide.DATASET.training,
)
