"""ReviewedSchemaGen: replaces ImportSchemaGen. Its cache key is the text of the schema, not its path."""

from __future__ import annotations

from typing import ClassVar

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.reviewed_schema_gen import executor


class ReviewedSchemaGenSpec(component_spec.ComponentSpec):
    """Parameter: the text of a schema. Output: a Schema artifact."""

    PARAMETERS = {"schema_text": component_spec.ExecutionParameter(type=str)}
    INPUTS: ClassVar[dict[str, component_spec.ChannelParameter]] = {}
    OUTPUTS = {"schema": component_spec.ChannelParameter(type=standard_artifacts.Schema)}


class ReviewedSchemaGen(base_component.BaseComponent):
    """Brings a schema that a person has reviewed into the pipeline.

    ImportSchemaGen takes a path. After an edit of the file TFX would use the old schema from its cache, and the path must exist
    on every machine that runs the node. Here the property is the text itself. It is part of the compiled pipeline, and every
    change of it is a cache miss.

        schema_gen = ReviewedSchemaGen(Path("schema.pbtxt").read_text())

    Component `outputs` contains:
     - `schema`: Channel of type `standard_artifacts.Schema`.
    """

    SPEC_CLASS = ReviewedSchemaGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(self, schema_text: str) -> None:
        """`schema_text`: a tensorflow.metadata.v0.Schema in text format."""
        super().__init__(ReviewedSchemaGenSpec(schema_text=schema_text, schema=types.Channel(type=standard_artifacts.Schema)))
