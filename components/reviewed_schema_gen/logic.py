"""Reads a reviewed schema."""

from __future__ import annotations

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2


class SchemaError(ValueError):
    """A text that is not a schema, or a schema without features."""


def parse(text: str) -> schema_pb2.Schema:
    """Parses a schema in text format.

    Raises:
        SchemaError: the text cannot be parsed (the message names line and column), or the schema has no feature.
    """
    try:
        schema = text_format.Parse(text, schema_pb2.Schema())
    except text_format.ParseError as error:
        raise SchemaError(f"The reviewed schema cannot be read, at line:column {error}") from None
    if not schema.feature:
        raise SchemaError("The reviewed schema has no feature.")
    return schema
