"""Encodes the settings of our ExampleGens in the one property that TFX's FileBasedExampleGen has for a subclass."""

from __future__ import annotations

from google.protobuf import any_pb2, struct_pb2
from tfx.proto import example_gen_pb2

_DATASET = "dataset"
_CODE = "code"


def encode(dataset: str, code: str) -> example_gen_pb2.CustomConfig:
    """Returns the property.

    Args:
        dataset: name of the dataset that declares the columns.
        code: hash of the code that reads, so that TFX does not use a cached result after an edit. No code reads it.
    """
    fields = {_DATASET: struct_pb2.Value(string_value=dataset), _CODE: struct_pb2.Value(string_value=code)}
    settings = any_pb2.Any()
    settings.Pack(struct_pb2.Struct(fields=fields))
    return example_gen_pb2.CustomConfig(custom_config=settings)


def decode_dataset(config: example_gen_pb2.CustomConfig) -> str:
    """Returns the name of the dataset."""
    settings = struct_pb2.Struct()
    config.custom_config.Unpack(settings)
    return settings[_DATASET]
