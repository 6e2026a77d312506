"""Measures how fast training rows are read and how fast models train on them: the input of this project and that of TFX.

    .venv/bin/python benchmarks/training.py [--rows 240000] [--seconds 3] [--repeat 3]

Lets this pipeline and TFX's template (`stock_taxi.py template`) transform the taxi trips, repeats the transformed rows until
there are enough, and measures one way after the other in every round. Prints Markdown.

Exit status: 0; 1 if a promise is broken, with a line on standard error.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

# Otherwise TensorFlow would log how it optimises each of a hundred graphs.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf

from benchmarks import speeds
from benchmarks.speeds import Rows, Speed
from benchmarks.taxi import table
from trainer_module import inputs

BATCHES = (40, 200, 1000)
TIMES_AS_MANY = (1, 4, 16)

# Promises. The first two hold only for the largest batches: to pass on a small batch takes longer than to read it.
READS_FASTER, TRAINS_FASTER, OF_CEILING, MOST_GROWTH = 5.0, 4.0, 0.9, 1.25

TFX, STREAMED, MEMORY, CEILING, TEMPLATE = "TFX", "streamed", "in memory", "no input", "TFX's template"
Speeds = Mapping[int, Mapping[str, Sequence[Speed]]]  # rows per batch -> way -> one speed per round


def measure_reading(rows: Rows, seconds: float, rounds: int) -> Speeds:
    """Measures reading: every way reads batches and does nothing with them."""
    return {
        batch: speeds.in_turn(
            {
                TFX: partial(speeds.read, speeds.stock_input(rows, batch), seconds),
                STREAMED: partial(speeds.read, speeds.our_input(rows, batch, memory_bytes=0), seconds),
                MEMORY: partial(speeds.read, speeds.our_input(rows, batch), seconds),
            },
            rounds,
        )
        for batch in BATCHES
    }


def measure_training(rows: Rows, stock: Rows, seconds: float, rounds: int) -> Speeds:
    """Measures training: the model of this project with every input, and the model of TFX's template with its own input."""
    train_our_model = partial(speeds.train, speeds.our_model)
    return {
        batch: speeds.in_turn(
            {
                TEMPLATE: partial(speeds.train, speeds.stock_model, speeds.stock_input(stock, batch), seconds),
                TFX: partial(train_our_model, speeds.stock_input(rows, batch), seconds),
                STREAMED: partial(train_our_model, speeds.our_input(rows, batch, memory_bytes=0), seconds),
                MEMORY: partial(train_our_model, speeds.our_input(rows, batch), seconds),
                CEILING: partial(train_our_model, speeds.ready_batches(rows, batch), seconds),
            },
            rounds,
        )
        for batch in BATCHES
    }


def measure_growth(rows: Rows, count: int, folder: Path) -> dict[int, float]:
    """Returns number of rows in the files -> MB by which a process grows while it streams `max(TIMES_AS_MANY) * count` rows.

    Every process reads the same number of rows, because the heap always grows slowly: more and more threads get a part of it.
    """
    spec, growth_mb = rows.transform.transformed_feature_spec(), {}
    for times in TIMES_AS_MANY:
        links = [folder / f"{times}-{i}-{Path(file).name}" for i in range(times) for file in rows.files]
        for link, file in zip(links, rows.files * times, strict=True):
            link.symlink_to(file)
        with multiprocessing.get_context("spawn").Pool(1) as process:
            batches = max(TIMES_AS_MANY) * count // BATCHES[-1]
            growth_mb[count * times] = process.apply(growth, ([str(link) for link in links], spec, rows.label, batches))
    return growth_mb


def growth(files: Sequence[str], spec: Mapping[str, tf.io.FixedLenFeature], label: str, batches: int) -> float:
    """Streams batches of `BATCHES[-1]` rows. Returns the largest growth of the process, in MB."""
    make = inputs.input_fn(files, spec, label, BATCHES[-1], training=True, seed=1, memory_bytes=0)
    start_mb, peak_mb = _resident(), 0.0
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        iterator = tf.compat.v1.data.make_initializable_iterator(make())
        next_batch = tf.group(*tf.nest.flatten(iterator.get_next()))
        session.run(iterator.initializer)
        for _ in range(batches):
            session.run(next_batch)
            peak_mb = max(peak_mb, _resident())
    return peak_mb - start_mb


def _resident() -> float:
    """Returns the resident memory of this process, in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def reading_table(measured: Speeds) -> str:
    """Returns the medians: thousands of rows per second, and in brackets microseconds of processor time per row."""
    lines = []
    for batch, ways in measured.items():
        rates = {way: statistics.median(speed.rate for speed in runs) * batch / 1e3 for way, runs in ways.items()}
        cpu = {way: statistics.median(speed.cpu for speed in runs) / batch * 1e6 for way, runs in ways.items()}
        cells = [f"{rates[way]:,.0f} ({cpu[way]:.1f})" for way in ways]
        lines.append([str(batch), *cells, f"{speeds.ratio(ways, STREAMED, TFX):.1f}", f"{speeds.ratio(ways, MEMORY, TFX):.0f}"])
    return table(["rows a batch", *measured[BATCHES[0]], f"{STREAMED} / {TFX}", f"{MEMORY} / {TFX}"], lines)


def training_table(measured: Speeds) -> str:
    """Returns the medians: steps per second."""
    lines = []
    for batch, ways in measured.items():
        cells = [f"{statistics.median(s.rate for s in runs):,.0f}" for runs in ways.values()]
        pairs = ((MEMORY, TEMPLATE), (STREAMED, TEMPLATE), (MEMORY, CEILING))
        lines.append([str(batch), *cells, *(f"{speeds.ratio(ways, *pair):.2f}" for pair in pairs)])
    ratios = [f"{MEMORY} / {TEMPLATE}", f"{STREAMED} / {TEMPLATE}", f"{MEMORY} / {CEILING}"]
    return table(["rows a step", *measured[BATCHES[0]], *ratios], lines)


def broken_promises(reading_speeds: Speeds, training_speeds: Speeds, growth_mb: Mapping[int, float]) -> Iterator[str]:
    """Yields a sentence for each promise that the measurements break."""
    largest = BATCHES[-1]
    if (times := speeds.ratio(reading_speeds[largest], STREAMED, TFX)) < READS_FASTER:
        yield f"Streaming reads {times:.1f} times as fast as {TFX}, not {READS_FASTER}."
    for way in (MEMORY, STREAMED):
        if (times := speeds.ratio(training_speeds[largest], way, TEMPLATE)) < TRAINS_FASTER:
            yield f"Training, {way}, is {times:.1f} times as fast as {TEMPLATE} at {largest} rows a step, not {TRAINS_FASTER}."
    for batch, ways in training_speeds.items():
        if (share := speeds.ratio(ways, MEMORY, CEILING)) < OF_CEILING:
            yield f"At {batch} rows a step training has {share:.2f} of the speed that it has without input, not {OF_CEILING}."
    fewest, most = min(growth_mb), max(growth_mb)
    if growth_mb[most] > MOST_GROWTH * growth_mb[fewest]:
        yield f"Streaming {most:,} rows takes {growth_mb[most]:.0f} MB, {fewest:,} rows {growth_mb[fewest]:.0f} MB."


def main() -> int:
    """Measures and prints. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--rows", type=int, default=240_000, metavar="N", help="number of rows in the files; a multiple of 8,000"
    )
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="duration of one measurement")
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="number of rounds")
    options = parser.parse_args()
    tf.get_logger().setLevel(logging.ERROR)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        rows, stock = (make(Path(folder, make.__name__), options.rows) for make in (speeds.our_rows, speeds.stock_rows))
        print(f"{options.rows:,} rows, {os.cpu_count()} cores, load at the start {os.getloadavg()[0]:.1f}.\n", flush=True)
        reading_speeds = measure_reading(rows, options.seconds, options.repeat)
        print(reading_table(reading_speeds), flush=True)
        training_speeds = measure_training(rows, stock, options.seconds, options.repeat)
        print(f"\n{training_table(training_speeds)}", flush=True)
        growth_mb = measure_growth(rows, options.rows, Path(folder))
    print("\n" + table(["rows in the files", "MB"], [[f"{count:,}", f"{mb:.0f}"] for count, mb in growth_mb.items()]))
    print(f"\n{time.monotonic() - began:.0f} s in all, load at the end {os.getloadavg()[0]:.1f}.")
    broken = list(broken_promises(reading_speeds, training_speeds, growth_mb))
    print("\n".join(broken), file=sys.stderr, end="\n" if broken else "")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
