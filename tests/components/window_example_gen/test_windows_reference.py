"""Windows of random series equal those of a slow and simple implementation, and contain no value that they must not know."""

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.window_example_gen import blocks, times, windows
from data import Series
from tests.support.windows import cut

declarations = st.builds(
    Series,
    time=st.just("t"),
    value=st.just("y"),
    id=st.just("id"),
    inputs=st.integers(1, 6),
    outputs=st.integers(1, 5),
    season=st.integers(1, 6),
    step=st.sampled_from(["h", "3D", "M"]),
    past_covariates=st.sampled_from([(), ("p",), ("p", "q")]),
    known_covariates=st.sampled_from([(), ("k",)]),
    calendar=st.sampled_from([(), ("day", "week", "year")]),
    max_gap=st.integers(0, 3),
    eval_share=st.sampled_from([0.1, 0.3, 0.5, 0.9]),
    embargo=st.integers(0, 3),
    stride=st.integers(1, 3),
)


@st.composite
def inputs(draw):
    """A Series and rows (name, step, values) of up to three series. A missing value is NaN."""
    series = draw(declarations)
    numbers = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    missing = draw(st.sampled_from([0.0, 0.03, 0.1]))
    begin = draw(st.sampled_from([-30, 0, 600]))
    rows = []
    for name in ["a", "b", "c"][: draw(st.integers(1, 3))]:
        first = begin + int(numbers.integers(0, 10))
        steps = numbers.permutation(np.arange(first, first + draw(st.sampled_from([0, 5, 30, 60, 60]))))
        steps = np.concatenate([steps, steps[: len(steps) // 5]])  # duplicates
        values = numbers.normal(size=(len(steps), len(windows.columns(series)))).round(3)
        values[numbers.random(values.shape) < missing] = np.nan
        rows += [(name, int(s), v) for s, v in zip(steps, values, strict=True)]
    return series, [rows[i] for i in numbers.permutation(len(rows))]


def as_files(rows):
    """The rows as two files."""
    for rows_of_file in (rows[::2], rows[1::2]):
        names = sorted({name for name, _, _ in rows_of_file})
        if rows_of_file:
            codes = np.array([names.index(name) for name, _, _ in rows_of_file])
            yield blocks.Rows(
                names, codes, np.array([s for _, s, _ in rows_of_file]), np.array([v for _, _, v in rows_of_file])
            )


def cut_rows(series, rows, size=4096):
    return cut(as_files(rows), series, size)


# The slow and simple implementation.


def reference(series, rows):
    """Returns the windows of each split: {(name of the series, step of the origin): window}."""
    cells = defaultdict(lambda: defaultdict(list))
    for name, step, values in rows:
        for column, value in zip(windows.columns(series), values, strict=True):
            if not math.isnan(value):
                cells[name, column][step].append(value)
    means = {key: {s: sum(v) / len(v) for s, v in steps.items()} for key, steps in cells.items()}
    observed_steps = [s for (_, column), steps in means.items() if column == "y" for s in steps]
    by_split = {"train": {}, "eval": {}}
    if not observed_steps:
        return by_split
    border = min(observed_steps) + math.ceil(
        round((1 - series.eval_share) * (max(observed_steps) - min(observed_steps) + 1), 6)
    )
    for name in {n for n, _ in means}:
        for origin in means.get((name, "y"), {}):
            window_and_steps = window(series, {c: means.get((name, c), {}) for c in windows.columns(series)}, origin)
            if origin % series.stride == 0 and window_and_steps:
                features, touched = window_and_steps
                if max(touched) < border:
                    by_split["train"][name, origin] = features
                elif min(touched) >= border + series.embargo:
                    by_split["eval"][name, origin] = features
    return by_split


def window(series, means, origin):
    """Returns the features and label of a window and the steps that it touches, or None."""
    touched = set()

    def at(column, step, latest):
        observed = [s for s in means[column] if s <= latest]
        left = max((s for s in observed if s <= step), default=None)
        right = min((s for s in observed if s >= step), default=None)
        if left is None or (right is None and latest > origin):
            return None
        if right is None:  # only in a past column: the last value is repeated
            if latest - left > series.max_gap:
                return None
            right = left
        elif right - left - 1 > series.max_gap:
            return None
        touched.update({left, right, step})
        low, high = means[column][left], means[column][right]
        return low + (high - low) * (step - left) / max(right - left, 1)

    future = range(origin + 1, origin + 1 + series.outputs)
    whole = range(origin - series.inputs + 1, origin + 1 + series.outputs)
    if any(s not in means["y"] for s in future):
        return None
    touched.update(future)
    y = {s: at("y", s, origin) for s in range(origin - max(series.inputs, series.season + 1) + 1, origin + 1)}
    values_of = {"y": [y[s] for s in whole if s <= origin], "y_future": [means["y"][s] for s in future]}
    values_of |= {c: [at(c, s, origin) for s in whole if s <= origin] for c in series.past_covariates}
    values_of |= {c: [at(c, s, math.inf) for s in whole] for c in series.known_covariates}
    if None in [*y.values(), *(v for values in values_of.values() for v in values)]:
        return None
    naive = []
    for ahead in range(1, series.outputs + 1):
        seasons = math.ceil(ahead / series.season)
        naive.append(y[origin + ahead - seasons * series.season] + seasons * (y[origin] - y[origin - series.season]))
    starts = times.start(np.array(whole), series)
    for cycle in series.calendar:
        angle = 2 * np.pi * times.phase(starts, cycle)
        values_of |= {f"{cycle}_sin": np.sin(angle), f"{cycle}_cos": np.cos(angle)}
    return values_of | {"y_seasonal_naive": naive}, touched


def by_origin(series, windows_of_split):
    """Windows that `cut` returned, as {(name of the series, step of the origin): window}."""
    return {(w.pop("series")[0].decode(), int(times.index(np.array(w.pop("origin")), series)[0])): w for w in windows_of_split}


PROPERTY = settings(deadline=None, max_examples=80, derandomize=True, database=None)


@PROPERTY
@given(inputs())
def test_windows_equal_those_of_the_reference(given_input):
    series, rows = given_input
    expected, by_split = reference(series, rows), cut_rows(series, rows)[0]
    for split in ("train", "eval"):
        keyed = by_origin(series, by_split[split])
        assert keyed.keys() == expected[split].keys()
        for key, features in keyed.items():
            assert features.keys() == expected[split][key].keys()
            for name, values in features.items():
                assert values == pytest.approx(list(expected[split][key][name]), abs=1e-4), name


@PROPERTY
@given(inputs(), st.sampled_from([1, 2, 7, 30]))
def test_windows_do_not_depend_on_the_size_of_blocks(given_input, size):
    series, rows = given_input
    assert cut_rows(series, rows, size) == cut_rows(series, rows)


def changed(series, rows, where):
    """The rows with other numbers in the steps and columns where `where(step, column)` is true. Missing values stay missing."""
    columns = windows.columns(series)
    return [(n, s, np.array([17 - 3 * x if where(s, c) else x for c, x in zip(columns, v, strict=True)])) for n, s, v in rows]


@PROPERTY
@given(inputs())
def test_no_split_depends_on_a_value_of_the_other(given_input):
    series, rows = given_input
    values = [s for _, s, v in rows if not math.isnan(v[0])]
    if not values:
        return
    border = windows.cutoff(min(values), max(values), series)
    before = cut_rows(series, rows)[0]
    assert cut_rows(series, changed(series, rows, lambda s, _: s >= border))[0]["train"] == before["train"]
    assert cut_rows(series, changed(series, rows, lambda s, _: s < border + series.embargo))[0]["eval"] == before["eval"]


@PROPERTY
@given(inputs())
def test_no_training_window_shares_a_step_with_an_evaluation_window(given_input):
    series, rows = given_input
    by_split = {split: by_origin(series, some) for split, some in cut_rows(series, rows)[0].items()}
    if all(by_split.values()):
        last = max(step for _, step in by_split["train"]) + series.outputs
        first = min(step for _, step in by_split["eval"]) - max(series.inputs, series.season + 1) + 1
        assert last + series.embargo < first


@PROPERTY
@given(inputs(), st.data())
def test_a_window_does_not_depend_on_values_after_its_origin(given_input, data):
    series, rows = given_input
    windows_before = cut_rows(series, rows)[0]
    windows_of_all = by_origin(series, windows_before["train"] + windows_before["eval"])
    if not windows_of_all:
        return
    origin = data.draw(st.sampled_from(sorted({step for _, step in windows_of_all})))
    after = cut_rows(series, changed(series, rows, lambda s, c: s > origin and c not in series.known_covariates))[0]
    again = by_origin(series, after["train"] + after["eval"])
    compared = 0
    for key, features in windows_of_all.items():
        if key[1] <= origin:
            features.pop("y_future"), again[key].pop("y_future")
            assert again[key] == features
            compared += 1
    assert compared


@PROPERTY
@given(inputs(), st.data())
def test_a_window_does_not_depend_on_missing_past_columns_after_its_origin(given_input, data):
    series, rows = given_input
    windows_before = cut_rows(series, rows)[0]
    windows_of_all = by_origin(series, windows_before["train"] + windows_before["eval"])
    if not windows_of_all or not series.past_covariates:
        return
    origin = data.draw(st.sampled_from(sorted({step for _, step in windows_of_all})))
    past = [c in series.past_covariates for c in windows.columns(series)]
    rows_with_gaps = [(n, s, np.where(past, np.nan, v) if s > origin else v) for n, s, v in rows]
    after = cut_rows(series, rows_with_gaps)[0]
    again = by_origin(series, after["train"] + after["eval"])
    for key in (k for k in windows_of_all if k[1] <= origin):
        assert again[key] == windows_of_all[key]
