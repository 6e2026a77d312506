"""Which forecasts the plot shows. (tests/e2e/test_datasets.py draws the plot of a real run.)"""

import numpy as np

from components.evaluator import forecast_plot
from components.evaluator.forecast_plot import ForecastWindow


def window(series, origin):
    return ForecastWindow(series, origin, np.zeros(4), np.zeros(3), np.zeros(3), b"")


def chosen_windows(windows, apart=3):
    return [(w.series, w.origin) for w in forecast_plot.choose(windows, apart)]


def test_futures_do_not_overlap_and_the_latest_is_drawn():
    assert chosen_windows(window("a", i) for i in range(10)) == [("a", 0), ("a", 3), ("a", 6), ("a", 9)]
    assert chosen_windows(window("a", i) for i in (7, 1, 3, 8)) == [("a", 3), ("a", 8)]


def test_the_latest_forecasts_of_a_long_series_are_drawn():
    drawn = chosen_windows(window("a", i) for i in range(1000))
    assert len(drawn) == 40
    assert drawn[-1] == ("a", 999)


def test_the_first_few_series_are_drawn():
    names = {name for name, _ in chosen_windows(window(s, 0) for s in "gfedcba")}
    assert names == {"a", "b", "c", "d"}


def test_without_a_window_nothing_is_drawn(tmp_path):
    import tensorflow as tf

    from data import Series

    tf.io.TFRecordWriter(str(tmp_path / "empty.gz"), "GZIP").close()
    series = Series(time="t", value="v", inputs=4, outputs=3)
    assert not forecast_plot.draw([str(tmp_path / "empty.gz")], "no model", series, tmp_path / "f.png")
    assert not (tmp_path / "f.png").exists()
