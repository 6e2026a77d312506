"""Plots forecasts of a model on the evaluation split, with the observed values and the seasonal naive forecast."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from data import ORIGIN, SERIES, Series
from trainer_module.serving import signatures

FILE = "forecast.png"

# Greatest number of series, and of forecasts per series, in the plot: more lines cannot be distinguished.
_MAX_SERIES = 4
_MAX_FORECASTS = 40

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ForecastWindow:
    """One window of the evaluation split. Its origin is the number of grid steps since 1970."""

    series: str
    origin: int
    past: Values
    future: Values
    naive: Values
    example: bytes


def draw(files: list[str], saved_model: str, declared: Series, target: Path | IO[bytes]) -> bool:
    """Draws the plot as PNG.

    Args:
        files: gzipped TFRecords of windows.
        saved_model: folder of the model.
        declared: the series that the windows were cut from.
        target: a path, or an open binary file.

    Returns:
        Whether there was a window to draw.
    """
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator()
    selected = list(choose((_parse(r, declared) for r in records), declared.outputs))
    if not selected:
        return False
    serve = tf.saved_model.load(saved_model).signatures[signatures.SERVING_DEFAULT]
    forecasts = serve(examples=tf.constant([w.example for w in selected]))[signatures.PREDICTION].numpy()
    _draw(selected, forecasts, declared, target)
    return True


def choose(windows: Iterable[ForecastWindow], apart: int) -> Iterator[ForecastWindow]:
    """Yields the latest windows of the first few series, so that no two forecasts of a series overlap; in order of time.

    `apart`: least number of steps between two origins.
    """
    by_series: dict[str, list[ForecastWindow]] = {}
    for window in windows:
        by_series.setdefault(window.series, []).append(window)
    for name in sorted(by_series)[:_MAX_SERIES]:
        latest: list[ForecastWindow] = []
        for window in sorted(by_series[name], key=lambda w: -w.origin):
            if len(latest) < _MAX_FORECASTS and (not latest or window.origin <= latest[-1].origin - apart):
                latest.append(window)
        yield from reversed(latest)


def _parse(record: bytes, declared: Series) -> ForecastWindow:
    features = tf.train.Example.FromString(record).features.feature

    def numbers(name: str) -> Values:
        return np.array(features[name].float_list.value)

    multiple, unit = declared.grid
    origin = np.datetime64(features[ORIGIN].int64_list.value[0], "s").astype(f"datetime64[{unit}]").astype(int)
    return ForecastWindow(
        series=(features[SERIES].bytes_list.value or [b""])[0].decode(),
        origin=int(origin) // multiple,
        past=numbers(declared.value),
        future=numbers(declared.label.name),
        naive=numbers(declared.seasonal_naive),
        example=record,
    )


def _draw(windows: list[ForecastWindow], forecasts: Values, declared: Series, target: Path | IO[bytes]) -> None:
    # Figure instead of pyplot, which has global state and may open windows.
    from matplotlib.figure import Figure

    names = sorted({w.series for w in windows})
    figure = Figure(figsize=(12, 4 * len(names)), layout="constrained")
    multiple, unit = declared.grid
    for name, axes in zip(names, np.ravel(figure.subplots(len(names), squeeze=False)), strict=True):
        of_series = [(w, f) for w, f in zip(windows, forecasts, strict=True) if w.series == name]
        actual: dict[int, float] = {}
        for window, _ in of_series:
            observed = np.concatenate([window.past, window.future])
            first = window.origin - len(window.past) + 1
            actual.update(zip(range(first, first + len(observed)), observed, strict=True))

        def dates(steps: Iterable[int]) -> npt.NDArray[Any]:
            return (np.array(list(steps)) * multiple).astype(f"datetime64[{unit}]").astype("datetime64[s]")

        steps = np.arange(min(actual), max(actual) + 1)
        axes.plot(dates(steps), [actual.get(int(s), np.nan) for s in steps], color="0.2", linewidth=1, label="observed")
        for i, (window, forecast) in enumerate(of_series):
            ahead = dates(range(window.origin, window.origin + declared.outputs + 1))
            last = window.past[-1:]
            for values, colour, label in ((window.naive, "tab:orange", "seasonal naive"), (forecast, "tab:blue", "model")):
                line = np.concatenate([last, values])
                axes.plot(ahead, line, color=colour, linewidth=1.2, label=None if i else label)
        axes.set_title(f"{name}: " * bool(name) + f"{declared.value}, the next {declared.outputs} steps from each origin")
        axes.legend(loc="upper left")
        axes.grid(alpha=0.3)
    figure.savefig(target, format="png", dpi=110)
