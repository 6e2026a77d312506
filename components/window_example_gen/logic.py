"""Time series in CSV files -> rows on a grid; blocks -> windows as tf.Examples. An error says file, row and column."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from tfx.dsl.io import fileio
from tfx_bsl.coders import example_coder

from components.csv_files import reader as csv
from components.csv_files.reader import InputDataError
from components.window_example_gen import blocks, times, windows
from components.window_example_gen.blocks import Extent, Key, Rows
from components.window_example_gen.times import Floats
from components.window_example_gen.windows import Cutter, Split
from data import TRAIN_SPLIT, Dataset, Series

ROWS_MISSING_VALUE = "rows_missing_value"

_HINTS = {times.EPOCH_SECONDS: " Are these milliseconds? Divide them by 1000."}


def series_of(dataset: Dataset) -> Series:
    """Returns the declaration of a dataset's series. Raises ValueError if there is none."""
    if dataset.series is None:
        raise ValueError(f"WindowExampleGen needs a dataset with a `series`. '{dataset.name}' has none.")
    return dataset.series


def read(path: str, dataset: Dataset) -> Iterator[Rows]:
    """Reads one file, block by block. An empty cell is no observation, nor is an infinite number.

    Args:
        path: as `csv_example_gen.logic.read` takes it.
        dataset: one with a series.

    Yields:
        Rows.

    Raises:
        InputDataError: with file, row and column; for a time that is missing or cannot be read, and a missing id, too.
    """
    series = series_of(dataset)
    seen = 0
    for batch in csv.read(path, dataset):
        texts = _column(batch, series.time)
        seconds = times.seconds(texts, series.time_format)
        if seconds.null_count:
            row = _first_null(seconds)
            raise _bad_time(path, seen + row, texts[row].as_py(), series)
        names, codes = [""], np.zeros(batch.num_rows, np.int64)
        if series.id:
            ids = _column(batch, series.id)
            if ids.null_count:
                raise _no_id(path, seen + _first_null(ids), series.id)
            encoded = ids.dictionary_encode()
            names, codes = encoded.dictionary.to_pylist(), encoded.indices.to_numpy().astype(np.int64)
        yield Rows(names, codes, times.index(seconds.to_numpy(), series), _values(batch, series))
        seen += batch.num_rows


def examples(
    key: Key, parts: Iterable[bytes], whole: Extent, series: Series, size: int, counts: Counter[str]
) -> Iterator[tuple[str, bytes]]:
    """Makes the windows whose origin lies in a block.

    Args:
        key: the block.
        parts: what `blocks.divide` has yielded for it.
        whole: extent of all series of the input: it decides where the splits meet.
        series: the declaration.
        size: steps of a block.
        counts: what became of the origins is added to it.

    Yields:
        The split and a serialised tf.Example: the features and the label of `series`, and its `other_columns`.
    """
    cutter = Cutter(blocks.stretch(key, parts, series, size), series)
    chosen, counted = cutter.select(Split.all(*whole, series))
    counts.update(counted)
    encoder = example_coder.RecordBatchToExamplesEncoder()
    for split, origins in chosen.items():
        for batch in cutter.batches(origins, key[0]):
            for example in encoder.encode(batch):
                yield split, example


def check(path: str, dataset: Dataset, at_most_bytes: int) -> None:
    """Reads data without using it, so that what is wrong with it is known before any work is done.

    Args:
        path: a file or a folder.
        dataset: declares the series.
        at_most_bytes: of each file; more of them is not looked at here (reading it for real meets what is behind).

    Raises:
        InputDataError: as `check_files`, and as `csv_example_gen.logic.find`.
    """
    folder, pattern = csv.find(path)
    check_files(path, sorted(fileio.glob(posixpath.join(folder, pattern))), dataset, at_most_bytes)


def check_files(what: str, files: Iterable[str], dataset: Dataset, at_most_bytes: int) -> None:
    """Checks files, one input together: see `check`.

    Raises:
        InputDataError: as `read`; or there is not a single row or value; or every file has been read to its end, and no series
            is long enough for a single window in one of the splits. (Gaps are not looked at here.)
    """
    series = series_of(dataset)
    extents: dict[str, Extent] = {}
    rows, complete = 0, True
    for file in files:
        seen = 0
        for part in read(file, dataset):
            if seen >= at_most_bytes:
                complete = False
                break
            seen += csv.BLOCK_BYTES
            rows += len(part.steps)
            for name, found in blocks.extents(part):
                extents[name] = blocks.union([extents.get(name, blocks.NOWHERE), found])
    if not rows:
        raise InputDataError(f"{what} has a header but no rows.")
    if complete and not extents:
        raise InputDataError(f"{what}, column '{series.value}': there is not a single value.")
    if complete:
        _check_length(what, list(extents.values()), series)


def _check_length(what: str, extents: list[Extent], series: Series) -> None:
    whole = blocks.union(extents)
    for name, split in Split.all(*whole, series).items():
        parts = [(max(first, split.first), min(last, split.last)) for first, last in extents]
        if any(_has_origin(int(first), int(last), series) for first, last in parts if first <= last):
            continue
        longest = int(max(0, *(last - first + 1 for first, last in parts)))
        needed = f"{series.reach + series.outputs} steps of '{series.step}' in a row"
        stride = f", {series.stride - 1} more for a stride of {series.stride}" if series.stride > 1 else ""
        share = "smaller" if name == TRAIN_SPLIT else "larger"
        raise InputDataError(
            f"{what}: too short for a single window in the '{name}' split. A window needs {needed}: {series.reach} up to its "
            f"origin (inputs={series.inputs}, season={series.season}) and {series.outputs} behind it (outputs){stride}. "
            f"The data has {whole[1] - whole[0] + 1}, from {_date(whole[0], series)} to {_date(whole[1], series)}; the longest "
            f"series has {longest} in that split (eval_share={series.eval_share:g}, embargo={series.embargo}). "
            f"Take fewer inputs or outputs, a shorter season, a {share} eval_share, or more data."
        )


def _has_origin(first: int, last: int, series: Series) -> bool:
    latest = (last - series.outputs) // series.stride * series.stride
    return latest >= first + series.reach - 1


def _column(batch: pa.RecordBatch, name: str) -> pa.Array:
    return batch.column(batch.schema.get_field_index(name))


def _values(batch: pa.RecordBatch, series: Series) -> Floats:
    read = [_column(batch, c).cast(pa.float64()).to_numpy(zero_copy_only=False) for c in windows.columns(series)]
    values = np.stack(read, axis=1)
    return np.where(np.isfinite(values), values, np.nan)


def _first_null(column: pa.Array) -> int:
    return int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])


def _bad_time(path: str, row: int, text: str | None, series: Series) -> InputDataError:
    place = f"{path}, row {csv.row_number(path, row)}, column '{series.time}': "
    if text is None:
        return InputDataError(f"{place}the time is missing. Fill it in, or leave the row out.")
    shape = f"'{series.time_format}', such as {times.example(series.time_format)}"
    hint = _HINTS.get(series.time_format, "") if text.isdigit() else ""
    return InputDataError(
        f"{place}'{text[:40]}' is no time as {shape}.{hint} Correct it, or the `time_format` of the dataset's series."
    )


def _no_id(path: str, row: int, column: str) -> InputDataError:
    return InputDataError(
        f"{path}, row {csv.row_number(path, row)}, column '{column}': the id of the series is missing. "
        "Fill it in, or leave the row out."
    )


def _date(step: int, series: Series) -> str:
    text = np.datetime_as_string(times.start(np.array([step]), series).astype("datetime64[s]"))[0]
    return str(text).removesuffix("T00:00:00")
