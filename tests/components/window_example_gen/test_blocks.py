"""Rows are divided into blocks of bounded size, and blocks into windows."""

import dataclasses
import tracemalloc
from collections import Counter

import numpy as np

from components.window_example_gen import blocks, logic, windows
from tests.support.windows import EVER, SMALL, cut


def test_the_size_of_a_block_does_not_grow_with_the_series():
    series = dataclasses.replace(SMALL, inputs=24, outputs=12, max_gap=3)
    size, sizes = blocks.block_steps(series), []
    for length in (20_000, 40_000):
        steps = np.arange(length)
        rows = blocks.Rows([""], np.zeros(length, np.int64), steps, np.ones((length, 1)))
        sizes.append(max(len(block) for _, block in blocks.divide(rows, series, size)))
    assert sizes[0] == sizes[1] == 3 * 8 * (size + sum(windows.margins(series)))


def test_a_long_series_with_long_windows_needs_little_memory():
    series = dataclasses.replace(SMALL, inputs=1000, outputs=100)
    size, length = blocks.block_steps(series), 200_000
    rows = blocks.Rows([""], np.zeros(length, np.int64), np.arange(length), np.ones((length, 1)))
    divided = list(blocks.divide(rows, series, size))
    tracemalloc.start()
    for key, block in divided[20:24]:  # 16,000 windows of 1,200 numbers: 80 MB
        for _ in logic.examples(key, [block], (0, length - 1), series, size, Counter()):
            pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6


def test_the_rows_of_a_block_may_come_in_any_order():
    rows = [blocks.Rows([""], np.zeros(1, np.int64), np.array([n]), np.array([[float(n)]])) for n in range(10)]
    in_order, _ = cut(rows, SMALL, 4, EVER)
    assert len(in_order["train"]) == 8
    assert cut(rows[::-1], SMALL, 4, EVER)[0] == in_order


def test_without_rows_there_are_no_blocks():
    empty = blocks.Rows([], np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 1)))
    assert list(blocks.divide(empty, SMALL, 4)) == []
    assert blocks.union([]) == blocks.NOWHERE
