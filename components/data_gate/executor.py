"""Reads anomalies, statistics and examples, and publishes the decision."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy.typing as npt
import tensorflow as tf
from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2, statistics_pb2
from tfx import types
from tfx.components.example_validator import executor as example_validator
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils
from tfx_bsl.coders import example_coder

from components import gate
from components.artifacts import ArtifactDict
from components.data_gate import logic
from components.decision import OUTPUT_KEY
from data import discovery

_BATCH = 10_000


class Executor(base_executor.BaseExecutor):
    """Makes one decision for all splits."""

    def Do(self, input_dict: ArtifactDict, output_dict: ArtifactDict, exec_properties: dict[str, Any]) -> None:
        """Publishes a GateDecision."""
        dataset = discovery.dataset(exec_properties["dataset"])
        anomalies = artifact_utils.get_single_instance(input_dict["anomalies"])
        statistics = artifact_utils.get_single_instance(input_dict["statistics"])
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        splits = {
            split: logic.SplitData(
                _anomalies(anomalies, split), _statistics(statistics, split), partial(_values, examples, split)
            )
            for split in artifact_utils.decode_split_names(statistics.split_names)
        }
        decision = logic.decide(splits, read_schema(input_dict["schema"]), dataset)
        gate.publish(decision, artifact_utils.get_single_instance(output_dict[OUTPUT_KEY]))


def read_schema(artifacts: list[types.Artifact]) -> schema_pb2.Schema:
    """Reads the schema of a Schema artifact."""
    return io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(artifact_utils.get_single_uri(artifacts)))


def _anomalies(artifact: types.Artifact, split: str) -> anomalies_pb2.Anomalies:
    path = posixpath.join(artifact_utils.get_split_uri([artifact], split), example_validator.DEFAULT_FILE_NAME)
    return anomalies_pb2.Anomalies.FromString(io_utils.read_bytes_file(path))


def _values(examples: types.Artifact, split: str, feature: str) -> Iterator[npt.NDArray[Any]]:
    """Yields the values of a numeric feature, a batch of examples at a time."""
    decoder = example_coder.ExamplesToRecordBatchDecoder()
    files = fileio.glob(io_utils.all_files_pattern(artifact_utils.get_split_uri([examples], split)))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_BATCH)
    for batch in records.as_numpy_iterator():
        columns = decoder.DecodeBatch(batch.tolist())
        if feature in columns.schema.names:
            yield columns.column(feature).flatten().to_numpy(zero_copy_only=False)


def _statistics(artifact: types.Artifact, split: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    return stats_artifact_utils.load_statistics(artifact, split).proto()
