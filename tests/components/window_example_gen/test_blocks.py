"""Rows into blocks of bounded size, and blocks into stretches."""

import dataclasses
import tracemalloc
from collections import Counter

import numpy as np

from components.window_example_gen import blocks, logic, windows
from tests.support.windows import EVER, SMALL, cut


def test_a_block_is_never_larger_for_a_longer_series():
    series = dataclasses.replace(SMALL, inputs=24, outputs=12, max_gap=3)
    size, sizes = blocks.block_steps(series), []
    for length in (20_000, 40_000):
        steps = np.arange(length)
        rows = blocks.Rows([""], np.zeros(length, np.int64), steps, np.ones((length, 1)))
        sizes.append(max(len(part) for _, part in blocks.divide(rows, series, size)))
    assert sizes[0] == sizes[1] == 3 * 8 * (size + sum(windows.margins(series)))


def test_a_long_series_of_long_windows_needs_little_memory():
    series = dataclasses.replace(SMALL, inputs=1000, outputs=100)
    size, length = blocks.block_steps(series), 200_000
    rows = blocks.Rows([""], np.zeros(length, np.int64), np.arange(length), np.ones((length, 1)))
    divided = list(blocks.divide(rows, series, size))
    tracemalloc.start()
    for key, part in divided[20:24]:  # 16,000 windows of 1,200 numbers: 80 MB
        for _ in logic.examples(key, [part], (0, length - 1), series, size, Counter()):
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def test_parts_of_a_block_may_come_in_any_order():
    rows = [blocks.Rows([""], np.zeros(1, np.int64), np.array([n]), np.array([[float(n)]])) for n in range(10)]
    once, _ = cut(rows, SMALL, 4, EVER)
    assert len(once["train"]) == 8
    assert cut(rows[::-1], SMALL, 4, EVER)[0] == once


def test_no_rows_make_no_blocks():
    empty = blocks.Rows([], np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 1)))
    assert list(blocks.divide(empty, SMALL, 4)) == []
    assert blocks.union([]) == blocks.NOWHERE
