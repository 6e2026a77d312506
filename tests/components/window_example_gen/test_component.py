"""The executor on Beam: what it writes, what it counts, and how an unreadable cell comes back from a worker."""

import sys

import numpy as np
import pytest
import tensorflow as tf
from absl import logging
from google.protobuf import any_pb2, json_format, struct_pb2
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts

from components.window_example_gen import blocks, logic
from components.window_example_gen.executor import Executor
from data import discovery
from pipeline.config.tables import ENGINES
from pipeline.record import status
from tests.components.window_example_gen.test_logic import cut, decode

METERS = '''"""How much will be used?"""

from data import Dataset, Series

SERIES = Series(
    time="hour", time_format="%Y-%m-%d %H:%M", step="h", id="meter", value="used",
    past_covariates=("outside",), known_covariates=("holiday",), calendar=("day",),
    inputs=6, outputs=3, season=4, max_gap=2, eval_share=0.3, stride=2,
)
DATASET = Dataset(
    name="meters.power", features=SERIES.features, label=SERIES.label, sample="power.csv", series=SERIES,
)
'''


@pytest.fixture(scope="module")
def meters(tmp_path_factory):
    """Puts the dataset `meters.power` on the path."""
    folder = tmp_path_factory.mktemp("meters")
    (folder / "meters").mkdir()
    (folder / "meters" / "__init__.py").touch()
    (folder / "meters" / "power.py").write_text(METERS)
    sys.path.insert(0, str(folder))
    yield discovery.dataset("meters.power")
    sys.path.remove(str(folder))


def write(folder, hours, files=3):
    """Writes rows of three meters, some cells missing, in any order, into several files."""
    numbers = np.random.default_rng(1)
    rows = []
    for meter in "ABC":
        for hour in range(hours):
            time = str(np.datetime64("2020-01-01T00:00") + np.timedelta64(hour, "h")).replace("T", " ")
            used = f"{numbers.normal():.3f}" if numbers.random() > 0.02 else ""
            rows.append(f"{time},{meter},{used},{numbers.normal():.3f},{hour % 5}")
    folder.mkdir()
    for n in range(files):
        some = [rows[i] for i in numbers.permutation(np.arange(n, len(rows), files))]
        (folder / f"{n}.csv").write_text("\n".join(["hour,meter,used,outside,holiday", *some]) + "\n")


def convert(folder, output, *patterns):
    """Runs the executor on the CSV files of a folder; returns split -> windows, in order."""
    settings = any_pb2.Any()
    settings.Pack(struct_pb2.Struct(fields={"dataset": struct_pb2.Value(string_value="meters.power")}))
    splits = [example_gen_pb2.SplitConfig.Split(name=n, hash_buckets=b) for n, b in (("train", 7), ("eval", 3))]
    sources = [example_gen_pb2.Input.Split(name=f"span-{i}", pattern=p) for i, p in enumerate(patterns or ["*.csv"])]
    messages = {
        "input_config": example_gen_pb2.Input(splits=sources),
        "output_config": example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=splits)),
        "custom_config": example_gen_pb2.CustomConfig(custom_config=settings),
    }
    properties = {k: json_format.MessageToJson(m, preserving_proto_field_name=True) for k, m in messages.items()}
    examples = standard_artifacts.Examples()
    examples.uri = str(output)
    context = base_beam_executor.BaseBeamExecutor.Context(list(ENGINES["in-process"]), str(output / "tmp"), "1")
    Executor(context).Do({}, {"examples": [examples]}, properties | {"input_base": str(folder), "output_file_format": 5})
    assert artifact_utils.decode_split_names(examples.split_names) == ["train", "eval"]
    return {split: read(examples, split) for split in ("train", "eval")}


def read(examples, split):
    files = tf.io.gfile.glob(artifact_utils.get_split_uri([examples], split) + "/*")
    found = [decode(r.numpy()) for r in tf.data.TFRecordDataset(files, "GZIP")]
    return sorted(found, key=lambda w: (w["series"], w["origin"]))


@pytest.mark.parametrize("size", [5, None], ids=["tiny blocks", "blocks as they are"])
def test_windows_of_every_series_of_every_file_are_written(meters, tmp_path, monkeypatch, size):
    write(tmp_path / "data", hours=150)
    rows = [r for n in range(3) for r in logic.read(str(tmp_path / "data" / f"{n}.csv"), meters)]
    expected, counts = cut(rows, meters.series, size=10_000)
    if size:
        monkeypatch.setattr(blocks, "block_steps", lambda _: size)
    said = []
    monkeypatch.setattr(logging, "info", lambda text, *values: said.append(text % values))
    assert convert(tmp_path / "data", tmp_path / "out") == expected
    assert len(expected["train"]) > 50
    assert len(expected["eval"]) > 20
    missing = sum(r.missing_value for r in rows)
    counted = dict(sorted({**counts, "rows_missing_value": missing}.items()))
    assert f"Windows: {', '.join(f'{name}={n}' for name, n in counted.items())}." in said


def test_the_files_of_several_input_splits_are_read_together(meters, tmp_path):
    write(tmp_path / "data", hours=100)
    together = convert(tmp_path / "data", tmp_path / "out")
    assert convert(tmp_path / "data", tmp_path / "again", "[01].csv", "2.csv") == together


def test_too_little_data_for_an_evaluation_makes_an_empty_split(meters, tmp_path):
    write(tmp_path / "data", hours=25)
    made = convert(tmp_path / "data", tmp_path / "out")
    assert made["train"]
    assert made["eval"] == []


def test_no_row_at_all_makes_two_empty_splits(meters, tmp_path):
    write(tmp_path / "data", hours=0)
    assert convert(tmp_path / "data", tmp_path / "out") == {"train": [], "eval": []}


def test_a_time_that_only_the_worker_meets_is_named_as_the_check_would(meters, tmp_path):
    write(tmp_path / "data", hours=50, files=1)
    file = tmp_path / "data" / "0.csv"
    file.write_text(file.read_text() + "noon,A,1,2,3\n")
    with pytest.raises(Exception) as error:
        convert(tmp_path / "data", tmp_path / "out")
    # As pipeline/execution/nodes.py puts it.
    said = status._INPUT_DATA_ERROR.search(f"{type(error.value).__name__}: {error.value}")[1]
    assert said.startswith(f"{file}, row 152, column 'hour': 'noon' is no time as '%Y-%m-%d %H:%M', such as 2024-12-31 23:30.")
