"""Reads the outputs of a run into a form that can be compared with the outputs of another run."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
from ml_metadata.metadata_store import metadata_store as stores
from tensorflow.core.protobuf import saved_model_pb2

from pipeline import node_ids
from pipeline.metadata import connection
from pipeline.record import collect


@dataclass(frozen=True)
class RunOutputs:
    """The outputs of a run.

    Attributes:
        splits: split name -> (digest of the rows in sorted order, number of rows).
        schemas: schema of the raw examples and of the transformed examples, as text.
        vocabularies: file name -> content.
        signatures: of the exported model: name -> "inputs" or "outputs" -> tensor -> (dtype, shape).
        metrics: of the evaluation split: name -> value.
    """

    splits: dict
    schemas: tuple
    vocabularies: dict
    signatures: dict
    metrics: dict


def outputs(folder):
    """Returns the RunOutputs of a run. `folder`: function of (node, output key) that returns the artifact's folder."""
    transformed = folder(*node_ids.TRANSFORM_GRAPH)
    return RunOutputs(
        splits={split.name: _rows(split) for split in sorted(folder(*node_ids.CSV_EXAMPLES).glob("Split-*"))},
        schemas=(
            (folder(*node_ids.SCHEMA) / "schema.pbtxt").read_text(),
            (transformed / "transformed_metadata" / "schema.pbtxt").read_text(),
        ),
        vocabularies={f.name: f.read_text() for f in sorted((transformed / "transform_fn" / "assets").iterdir())},
        signatures=_signatures(folder(*node_ids.MODEL)),
        metrics=collect.metrics(str(folder(*node_ids.EVALUATION))),
    )


def artifacts(uri, run_id):
    """Returns the output artifacts of a run as recorded in MLMD: (node, output key) -> artifact."""
    store = stores.MetadataStore(connection.connection_config(uri))
    return collect.outputs_of(store, run_id)


def metadata_of(artifact):
    """Returns the properties and custom properties of an MLMD artifact in one flat map, as Kubeflow 2 stores them."""
    properties = {**artifact.properties, **artifact.custom_properties}
    return {key: getattr(value, value.WhichOneof("value")) for key, value in properties.items() if value.WhichOneof("value")}


def _rows(split):
    """Returns (digest of a split's sorted rows, number of rows)."""
    records = tf.data.TFRecordDataset([str(file) for file in sorted(split.iterdir())], "GZIP").as_numpy_iterator()
    # The order of the features in a serialised tf.Example carries no meaning.
    rows = sorted(tf.train.Example.FromString(record).SerializeToString(deterministic=True) for record in records)
    return hashlib.sha256(b"\0".join(rows)).hexdigest()[:12], len(rows)


def _signatures(model):
    """Returns the signatures of the SavedModel in a model's folder, in the form of RunOutputs."""
    [file] = Path(model).rglob("Format-Serving/saved_model.pb")
    [graph] = saved_model_pb2.SavedModel.FromString(file.read_bytes()).meta_graphs
    return {
        name: {
            side: {
                tensor: (tf.as_dtype(info.dtype).name, tf.TensorShape(info.tensor_shape).as_list())
                for tensor, info in sorted(getattr(signature, side).items())
            }
            for side in ("inputs", "outputs")
        }
        for name, signature in sorted(graph.signature_def.items())
    }
