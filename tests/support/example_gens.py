"""Runs the executors of this project's ExampleGens on Beam, in this process."""

import tensorflow as tf
from google.protobuf import json_format
from tfx.dsl.components.base import base_beam_executor
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts

from components.csv_files import custom_config
from pipeline.config.tables import ENGINES

HASH_BUCKETS = {"train": 7, "eval": 3}


def input_config(*patterns):
    """Returns an input configuration with one split for each file pattern."""
    return example_gen_pb2.Input(
        splits=[example_gen_pb2.Input.Split(name=f"split-{i}", pattern=pattern) for i, pattern in enumerate(patterns)]
    )


def output_config():
    """Returns the output configuration that divides rows into 7 parts for training and 3 for evaluation."""
    splits = [example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=count) for name, count in HASH_BUCKETS.items()]
    return example_gen_pb2.Output(split_config=example_gen_pb2.SplitConfig(splits=splits))


def run_executor(executor_class, dataset_name, folder, output, *patterns):
    """Runs an executor on the files in `folder` that match the patterns, by default *.csv. Returns the Examples artifact."""
    messages = {
        "input_config": input_config(*(patterns or ["*.csv"])),
        "output_config": output_config(),
        "custom_config": custom_config.encode(dataset_name, code="1"),
    }
    properties = {k: json_format.MessageToJson(m, preserving_proto_field_name=True) for k, m in messages.items()}
    examples = standard_artifacts.Examples()
    examples.uri = str(output)
    context = base_beam_executor.BaseBeamExecutor.Context(list(ENGINES["in-process"]), str(output / "tmp"), "1")
    properties |= {"input_base": str(folder), "output_file_format": example_gen_pb2.FORMAT_TFRECORDS_GZIP}
    executor_class(context).Do({}, {"examples": [examples]}, properties)
    return examples


def records(examples, split):
    """Returns the serialised tf.Examples of a split."""
    files = tf.io.gfile.glob(artifact_utils.get_split_uri([examples], split) + "/*")
    return [record.numpy() for record in tf.data.TFRecordDataset(files, "GZIP")]
