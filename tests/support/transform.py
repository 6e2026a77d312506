"""Runs TensorFlow Transform on small tables in this process, as the node Transform does: rows in, rows out."""

import json

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
import tensorflow_transform.beam as tft_beam
from apache_beam.options.pipeline_options import PipelineOptions
from tensorflow_transform.tf_metadata import dataset_metadata, metadata_io, schema_utils

from pipeline.config.tables import ENGINES
from trainer_module.transform import preprocess

_KINDS = {"string": str.encode, "int64": int, "float32": float}
# Column with the number of a row, by which the rows are sorted again: Beam does not keep their order.
_ROW = "row"


def transform_tables(folder, columns, preprocessing_fn, *tables, required=()):
    """Analyses the first table and transforms all tables, in one pipeline. Writes the graph into `folder`.

    Args:
        folder: an empty folder.
        columns: raw column -> "string", "int64" or "float32".
        preprocessing_fn: function: raw columns -> what a model reads.
        *tables: column -> the values of each row: one value, a list of several, or None.
        required: columns that are dense, as if the schema required them. The others are sparse.

    Returns:
        For each table: name -> array [rows, n].
    """
    spec = {
        name: tf.io.FixedLenFeature([1], tf.as_dtype(dtype)) if name in required else tf.io.VarLenFeature(tf.as_dtype(dtype))
        for name, dtype in columns.items()
    }
    spec[_ROW] = tf.io.FixedLenFeature([1], tf.int64)
    metadata = dataset_metadata.DatasetMetadata(schema_utils.schema_from_feature_spec(spec))
    metadata_io.write_metadata(metadata, str(folder / tft.TFTransformOutput.RAW_METADATA_DIR))

    with beam.Pipeline(options=PipelineOptions(list(ENGINES["in-process"]))) as pipeline:
        with tft_beam.Context(force_tf_compat_v1=True, temp_dir=str(folder / "temporary")):
            data = [pipeline | f"Create table {i}" >> beam.Create(_rows(columns, t)) for i, t in enumerate(tables)]
            analysis = tft_beam.AnalyzeDataset(lambda inputs: {_ROW: inputs[_ROW], **preprocessing_fn(inputs)})
            graph = (data[0], metadata) | analysis
            graph | tft_beam.WriteTransformFn(str(folder))
            for i, table in enumerate(data):
                out, _ = ((table, metadata), graph) | f"Transform table {i}" >> tft_beam.TransformDataset()
                lines = out | f"Write down table {i}" >> beam.Map(lambda r: json.dumps({k: v.tolist() for k, v in r.items()}))
                lines | f"Store table {i}" >> beam.io.WriteToText(str(folder / f"table{i}"), shard_name_template="")
    return [_columns(folder / f"table{i}") for i in range(len(tables))]


def transformed(folder, declared, *tables, required=()):
    """Transforms tables by the rules of a dataset; see `transform_tables`."""
    return transform_tables(
        folder, declared.columns, lambda inputs: preprocess.preprocess(declared, inputs), *tables, required=required
    )


def _rows(columns, table):
    """Returns rows as TFT reads them: column -> the values of one row."""
    rows = [{_ROW: [i], **{name: [] for name in columns}} for i in range(len(next(iter(table.values()))))]
    for name, values in table.items():
        for row, value in zip(rows, values, strict=True):
            values_of_row = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
            row[name] = [_KINDS[columns[name]](v) for v in values_of_row]
    return rows


def _columns(file):
    """Reads a transformed table: name -> array [rows, n]."""
    rows = sorted((json.loads(line) for line in file.read_text().splitlines()), key=lambda r: r[_ROW])
    columns = {name: np.array([r[name] for r in rows]) for name in rows[0] if name != _ROW}
    return {name: v.astype(np.float32) if v.dtype.kind == "f" else v for name, v in columns.items()}
