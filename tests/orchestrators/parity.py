"""What a run has made, in a form that can be compared with what another one has."""

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
class Made:
    """What a run has made.

    Attributes:
        splits: name -> digest of the rows, whatever their order, and how many there are.
        schemas: of the raw and of the transformed examples, as text.
        vocabularies: file -> content.
        signatures: of the exported model: name -> "inputs" or "outputs" -> tensor -> (dtype, shape).
        metrics: of the evaluation split: name -> value.
    """

    splits: dict
    schemas: tuple
    vocabularies: dict
    signatures: dict
    metrics: dict


def made(folder):
    """Reads what a run has made; `folder`: (node, output key) -> folder of the artifact."""
    transformed = folder(*node_ids.TRANSFORM_GRAPH)
    return Made(
        splits={split.name: _rows(split) for split in sorted(folder(*node_ids.CSV_EXAMPLES).glob("Split-*"))},
        schemas=(
            (folder(*node_ids.SCHEMA) / "schema.pbtxt").read_text(),
            (transformed / "transformed_metadata" / "schema.pbtxt").read_text(),
        ),
        vocabularies={f.name: f.read_text() for f in sorted((transformed / "transform_fn" / "assets").iterdir())},
        signatures=_signatures(folder(*node_ids.MODEL)),
        metrics=collect.metrics(str(folder(*node_ids.EVALUATION))),
    )


def recorded(uri, run_id):
    """Returns the artifacts of a run that MLMD knows of: (node, output key) -> artifact."""
    store = stores.MetadataStore(connection.connection_config(uri))
    return collect.outputs_of(store, run_id)


def metadata_of(artifact):
    """Returns the properties of one of MLMD's artifacts as Kubeflow 2 has them: one flat map."""
    properties = {**artifact.properties, **artifact.custom_properties}
    return {key: getattr(value, value.WhichOneof("value")) for key, value in properties.items() if value.WhichOneof("value")}


def _rows(split):
    records = tf.data.TFRecordDataset([str(file) for file in sorted(split.iterdir())], "GZIP").as_numpy_iterator()
    # The order of an example's features is not part of what it says.
    rows = sorted(tf.train.Example.FromString(record).SerializeToString(deterministic=True) for record in records)
    return hashlib.sha256(b"\0".join(rows)).hexdigest()[:12], len(rows)


def _signatures(model):
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
