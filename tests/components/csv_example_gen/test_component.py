"""The executor on Beam: what it writes, and how an unreadable cell comes back from a worker."""

import pytest
import tensorflow as tf
from google.protobuf import any_pb2, json_format, struct_pb2
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts

from components.csv_example_gen.executor import Executor
from pipeline.config.tables import ENGINES
from pipeline.record import status
from tests.support import samples


def convert(folder, output):
    """Runs the executor on the CSV files of a folder; returns the Examples artifact."""
    settings = any_pb2.Any()
    settings.Pack(struct_pb2.Struct(fields={"dataset": struct_pb2.Value(string_value="toy.fruit")}))
    splits = [example_gen_pb2.SplitConfig.Split(name=n, hash_buckets=b) for n, b in (("train", 7), ("eval", 3))]
    messages = {
        "input_config": example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="all", pattern="*.csv")]),
        "output_config": example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=splits)),
        "custom_config": example_gen_pb2.CustomConfig(custom_config=settings),
    }
    properties = {k: json_format.MessageToJson(m, preserving_proto_field_name=True) for k, m in messages.items()}
    examples = standard_artifacts.Examples()
    examples.uri = str(output)
    context = base_beam_executor.BaseBeamExecutor.Context(list(ENGINES["in-process"]), str(output / "tmp"), "1")
    Executor(context).Do({}, {"examples": [examples]}, properties | {"input_base": str(folder), "output_file_format": 5})
    return examples


def rows(examples, split):
    files = tf.io.gfile.glob(artifact_utils.get_split_uri([examples], split) + "/*")
    return [r.numpy() for r in tf.data.TFRecordDataset(files, "GZIP")]


def test_every_row_of_every_file_is_written_to_one_split(toy, tmp_path):
    (tmp_path / "data").mkdir()
    for seed in (1, 2):
        samples.write_fruit(tmp_path / "data" / f"{seed}.csv", rows=200, seed=seed)
    examples = convert(tmp_path / "data", tmp_path / "out")
    train, evaluation = rows(examples, "train"), rows(examples, "eval")
    assert len(train) + len(evaluation) == 400
    assert 60 < len(evaluation) < 180
    again = convert(tmp_path / "data", tmp_path / "again")
    assert len(rows(again, "train")) == len(train)


def test_a_cell_that_only_the_worker_meets_is_named_as_the_check_would(toy, tmp_path):
    (tmp_path / "data").mkdir()
    file = samples.write_fruit(tmp_path / "data" / "fruit.csv", rows=50)
    file.write_text(file.read_text() + "heavy,3,red,1,0\n")
    with pytest.raises(Exception) as error:
        convert(tmp_path / "data", tmp_path / "out")
    # As pipeline/execution/nodes.py puts it.
    said = status._INPUT_DATA_ERROR.search(f"{type(error.value).__name__}: {error.value}")[1]
    assert said.startswith(f"{file}, row 52, column 'weight': 'heavy' is not a number.")
