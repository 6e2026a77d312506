"""Windows of small series, cut as WindowExampleGen's executor cuts them."""

from collections import Counter, defaultdict

import tensorflow as tf

from components.window_example_gen import blocks, logic
from data import Dataset, Series

# Two steps of past, one of future.
SMALL = Series(time="day", value="sold", inputs=2, outputs=1)
# A time range so long that every window of a test is in its training split.
EVER = (0, 1 << 40)


def declare(series):
    """Returns a dataset of a series."""
    return Dataset(name="shop", features=series.features, label=series.label, sample="shop.csv", series=series)


def decode(example):
    """Returns a serialised tf.Example as feature -> values."""
    features = tf.train.Example.FromString(example).features.feature
    return {name: list(getattr(feature, feature.WhichOneof("kind")).value) for name, feature in features.items()}


def cut(batches, series, size, time_range=None):
    """Cuts rows as the executor does.

    Args:
        batches: of rows, as `logic.read` yields them.
        series: the declaration.
        size: steps of a block.
        time_range: of the input; by default that of the rows.

    Returns:
        Split -> windows, sorted by series and origin; and the counters.
    """
    parts, extent, counts = defaultdict(list), blocks.NOWHERE, Counter()
    for rows in batches:
        for key, part in blocks.divide(rows, series, size):
            parts[key].append(part)
            extent = blocks.union([extent, blocks.extent(part, series)])
    windows = {"train": [], "eval": []}
    for key in parts:
        for split, example in logic.examples(key, parts[key], time_range or extent, series, size, counts):
            windows[split].append(decode(example))
    return {split: in_order(unsorted) for split, unsorted in windows.items()}, counts


def in_order(windows):
    """Returns windows sorted by series and origin."""
    return sorted(windows, key=lambda window: (window["series"], window["origin"]))


def day(origin):
    """Returns the day of January 2020 of an origin."""
    return origin[0] // 86400 - 18261  # 31 December 2019


def origins(windows):
    """Returns the days of windows."""
    return [day(window["origin"]) for window in windows]
