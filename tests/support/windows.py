"""Cuts small series into windows, as the executor of WindowExampleGen does."""

from collections import Counter, defaultdict

import tensorflow as tf

from components.window_example_gen import blocks, logic
from data import Dataset, Series

# Two input steps, one output step.
SMALL = Series(time="day", value="sold", inputs=2, outputs=1)
# A time range so long that every window of a test is in its training split.
EVER = (0, 1 << 40)


def dataset_of(series):
    """Returns a dataset of a series."""
    return Dataset(name="shop", features=series.features, label=series.label, sample="shop.csv", series=series)


def decode(example):
    """Returns a serialised tf.Example as feature -> values."""
    features = tf.train.Example.FromString(example).features.feature
    return {name: list(getattr(feature, feature.WhichOneof("kind")).value) for name, feature in features.items()}


def cut(batches, series, size, time_range=None):
    """Cuts rows into windows, as the executor does.

    Args:
        batches: batches of rows, as `logic.read` yields them.
        series: declaration of the series.
        size: number of steps in a block.
        time_range: (first, last) step of the input; by default those of the rows.

    Returns:
        (split -> windows sorted by series and origin, counters of `logic.examples`).
    """
    blocks_of_rows, extent, counts = defaultdict(list), blocks.NOWHERE, Counter()
    for rows in batches:
        for key, block in blocks.divide(rows, series, size):
            blocks_of_rows[key].append(block)
            extent = blocks.union([extent, blocks.extent(block, series)])
    windows = {"train": [], "eval": []}
    for key in blocks_of_rows:
        for split, example in logic.examples(key, blocks_of_rows[key], time_range or extent, series, size, counts):
            windows[split].append(decode(example))
    return {split: in_order(unsorted) for split, unsorted in windows.items()}, counts


def in_order(windows):
    """Returns windows sorted by series and origin."""
    return sorted(windows, key=lambda window: (window["series"], window["origin"]))


def day(origin):
    """Returns an origin as a day of January 2020. An origin is a list with one number, the seconds since 1970."""
    return origin[0] // 86400 - 18261  # 31 December 2019


def origins(windows):
    """Returns the origins of windows as days of January 2020."""
    return [day(window["origin"]) for window in windows]
