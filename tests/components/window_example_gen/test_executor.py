"""The executor on Beam: windows, counters, and the error of a worker for an unreadable cell."""

import numpy as np
import pytest
from tfx.types import artifact_utils

from components.csv_files.errors import message_in
from components.window_example_gen import logic
from components.window_example_gen.executor import Executor
from tests.support.example_gens import records, run_executor
from tests.support.meters import DATASET, SERIES
from tests.support.windows import cut, decode, in_order


class SmallBlocks(Executor):
    block_steps = staticmethod(lambda series: 5)


def write(folder, hours, files=3):
    """Writes rows of three meters into several files, in random order and with about 2 % of the values missing."""
    numbers = np.random.default_rng(1)
    rows = []
    for meter in "ABC":
        for hour in range(hours):
            time = str(np.datetime64("2020-01-01T00:00") + np.timedelta64(hour, "h")).replace("T", " ")
            used = f"{numbers.normal():.3f}" if numbers.random() > 0.02 else ""
            rows.append(f"{time},{meter},{used},{numbers.normal():.3f},{hour % 5}")
    folder.mkdir()
    for n in range(files):
        rows_of_file = [rows[i] for i in numbers.permutation(np.arange(n, len(rows), files))]
        (folder / f"{n}.csv").write_text("\n".join(["hour,meter,used,outside,holiday", *rows_of_file]) + "\n")


def convert(folder, output, *patterns, executor_class=Executor):
    """Runs the executor on the CSV files of a folder. Returns the windows of each split, in order."""
    examples = run_executor(executor_class, DATASET.name, folder, output, *patterns)
    assert artifact_utils.decode_split_names(examples.split_names) == ["train", "eval"]
    return {split: in_order(map(decode, records(examples, split))) for split in ("train", "eval")}


@pytest.mark.parametrize("executor_class", [SmallBlocks, Executor], ids=["tiny blocks", "default blocks"])
def test_the_windows_of_all_series_and_files_are_written_and_counted(tmp_path, caplog, executor_class):
    write(tmp_path / "data", hours=150)
    rows = [r for n in range(3) for r in logic.read(str(tmp_path / "data" / f"{n}.csv"), DATASET)]
    expected, counts = cut(rows, SERIES, size=10_000)
    with caplog.at_level("INFO"), caplog.at_level("INFO", logger="absl"):
        assert convert(tmp_path / "data", tmp_path / "out", executor_class=executor_class) == expected
    assert len(expected["train"]) > 50
    assert len(expected["eval"]) > 20
    missing = sum(r.missing_value for r in rows)
    sorted_counts = sorted({**counts, "rows_missing_value": missing}.items())
    assert f"Windows: {', '.join(f'{name}={n}' for name, n in sorted_counts)}." in caplog.messages


def test_the_files_of_several_input_splits_are_read_together(tmp_path):
    write(tmp_path / "data", hours=100)
    together = convert(tmp_path / "data", tmp_path / "out")
    assert convert(tmp_path / "data", tmp_path / "again", "[01].csv", "2.csv") == together


def test_too_few_rows_for_the_evaluation_give_an_empty_split(tmp_path):
    write(tmp_path / "data", hours=25)
    windows = convert(tmp_path / "data", tmp_path / "out")
    assert windows["train"]
    assert windows["eval"] == []


def test_without_rows_both_splits_are_empty(tmp_path):
    write(tmp_path / "data", hours=0)
    assert convert(tmp_path / "data", tmp_path / "out") == {"train": [], "eval": []}


def test_an_error_of_a_worker_names_the_time_like_the_check_of_the_files(tmp_path):
    write(tmp_path / "data", hours=50, files=1)
    file = tmp_path / "data" / "0.csv"
    file.write_text(file.read_text() + "noon,A,1,2,3\n")
    with pytest.raises(Exception) as error:
        convert(tmp_path / "data", tmp_path / "out")
    # pipeline/execution/nodes.py writes an error in this form.
    message = message_in(f"{type(error.value).__name__}: {error.value}")
    assert message.startswith(f"{file}, row 152, column 'hour': 'noon' is not a time in the format '%Y-%m-%d %H:%M', such as ")
