"""Windows of random series, beside those that a slow and obvious implementation makes; and what no window may know."""

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
    """A declaration and rows of up to three series: (series, step, values), NaN where there is none."""
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
    """Rows as two files have them."""
    for some in (rows[::2], rows[1::2]):
        names = sorted({name for name, _, _ in some})
        if some:
            codes = np.array([names.index(name) for name, _, _ in some])
            yield blocks.Rows(names, codes, np.array([s for _, s, _ in some]), np.array([v for _, _, v in some]))


def made(series, rows, size=4096):
    return cut(as_files(rows), series, size)


# The slow and obvious implementation.


def reference(series, rows):
    """Returns split -> {(series, step of the origin): window}."""
    cells = defaultdict(lambda: defaultdict(list))
    for name, step, values in rows:
        for column, value in zip(windows.columns(series), values, strict=True):
            if not math.isnan(value):
                cells[name, column][step].append(value)
    means = {key: {s: sum(v) / len(v) for s, v in steps.items()} for key, steps in cells.items()}
    every = [s for (_, column), steps in means.items() if column == "y" for s in steps]
    out = {"train": {}, "eval": {}}
    if not every:
        return out
    border = min(every) + math.ceil(round((1 - series.eval_share) * (max(every) - min(every) + 1), 6))
    for name in {n for n, _ in means}:
        for origin in means.get((name, "y"), {}):
            found = window(series, {c: means.get((name, c), {}) for c in windows.columns(series)}, origin)
            if origin % series.stride == 0 and found:
                features, touched = found
                if max(touched) < border:
                    out["train"][name, origin] = features
                elif min(touched) >= border + series.embargo:
                    out["eval"][name, origin] = features
    return out


def window(series, means, origin):
    """Returns the features and label of a window and the steps that it touches, or None."""
    touched = set()

    def at(column, step, latest):
        observed = [s for s in means[column] if s <= latest]
        left = max((s for s in observed if s <= step), default=None)
        right = min((s for s in observed if s >= step), default=None)
        if left is None or (right is None and latest > origin):
            return None
        if right is None:  # only a past column: it goes on as it was
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
    out = {"y": [y[s] for s in whole if s <= origin], "y_future": [means["y"][s] for s in future]}
    out |= {c: [at(c, s, origin) for s in whole if s <= origin] for c in series.past_covariates}
    out |= {c: [at(c, s, math.inf) for s in whole] for c in series.known_covariates}
    if None in [*y.values(), *(v for values in out.values() for v in values)]:
        return None
    naive = []
    for ahead in range(1, series.outputs + 1):
        seasons = math.ceil(ahead / series.season)
        naive.append(y[origin + ahead - seasons * series.season] + seasons * (y[origin] - y[origin - series.season]))
    starts = times.start(np.array(whole), series)
    for cycle in series.calendar:
        angle = 2 * np.pi * times.phase(starts, cycle)
        out |= {f"{cycle}_sin": np.sin(angle), f"{cycle}_cos": np.cos(angle)}
    return out | {"y_seasonal_naive": naive}, touched


def by_origin(series, some):
    """Windows as `cut` returns them -> {(series, step of the origin): window}."""
    return {(w.pop("series")[0].decode(), int(times.index(np.array(w.pop("origin")), series)[0])): w for w in some}


PROPERTY = settings(deadline=None, max_examples=80, derandomize=True, database=None)


@PROPERTY
@given(inputs())
def test_windows_are_those_of_the_reference(given_input):
    series, rows = given_input
    expected, found = reference(series, rows), made(series, rows)[0]
    for split in ("train", "eval"):
        keyed = by_origin(series, found[split])
        assert keyed.keys() == expected[split].keys()
        for key, features in keyed.items():
            assert features.keys() == expected[split][key].keys()
            for name, values in features.items():
                assert values == pytest.approx(list(expected[split][key][name]), abs=1e-4), name


@PROPERTY
@given(inputs(), st.sampled_from([1, 2, 7, 30]))
def test_windows_do_not_depend_on_the_size_of_blocks(given_input, size):
    series, rows = given_input
    assert made(series, rows, size) == made(series, rows)


def changed(series, rows, where):
    """Other numbers, as often missing or not, in the steps and columns for which `where(step, column)` holds."""
    columns = windows.columns(series)
    return [(n, s, np.array([17 - 3 * x if where(s, c) else x for c, x in zip(columns, v, strict=True)])) for n, s, v in rows]


@PROPERTY
@given(inputs())
def test_no_split_knows_a_value_of_the_other(given_input):
    series, rows = given_input
    values = [s for _, s, v in rows if not math.isnan(v[0])]
    if not values:
        return
    border = windows.cutoff(min(values), max(values), series)
    before = made(series, rows)[0]
    assert made(series, changed(series, rows, lambda s, _: s >= border))[0]["train"] == before["train"]
    assert made(series, changed(series, rows, lambda s, _: s < border + series.embargo))[0]["eval"] == before["eval"]


@PROPERTY
@given(inputs())
def test_no_training_window_shares_a_step_with_an_evaluation_window(given_input):
    series, rows = given_input
    found = {split: by_origin(series, some) for split, some in made(series, rows)[0].items()}
    if all(found.values()):
        last = max(step for _, step in found["train"]) + series.outputs
        first = min(step for _, step in found["eval"]) - max(series.inputs, series.season + 1) + 1
        assert last + series.embargo < first


@PROPERTY
@given(inputs(), st.data())
def test_a_past_knows_nothing_of_what_comes_after_its_origin(given_input, data):
    series, rows = given_input
    windows_before = made(series, rows)[0]
    every = by_origin(series, windows_before["train"] + windows_before["eval"])
    if not every:
        return
    origin = data.draw(st.sampled_from(sorted({step for _, step in every})))
    after = made(series, changed(series, rows, lambda s, c: s > origin and c not in series.known_covariates))[0]
    again = by_origin(series, after["train"] + after["eval"])
    seen = 0
    for key, features in every.items():
        if key[1] <= origin:
            features.pop("y_future"), again[key].pop("y_future")
            assert again[key] == features
            seen += 1
    assert seen


@PROPERTY
@given(inputs(), st.data())
def test_what_is_missing_after_an_origin_changes_nothing_in_its_past(given_input, data):
    series, rows = given_input
    windows_before = made(series, rows)[0]
    every = by_origin(series, windows_before["train"] + windows_before["eval"])
    if not every or not series.past_covariates:
        return
    origin = data.draw(st.sampled_from(sorted({step for _, step in every})))
    past = [c in series.past_covariates for c in windows.columns(series)]
    gone = [(n, s, np.where(past, np.nan, v) if s > origin else v) for n, s, v in rows]
    after = made(series, gone)[0]
    again = by_origin(series, after["train"] + after["eval"])
    for key in (k for k in every if k[1] <= origin):
        assert again[key] == every[key]
