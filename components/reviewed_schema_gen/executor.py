"""Writes the schema artifact."""

from __future__ import annotations

import posixpath
from typing import Any

from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.artifacts import ArtifactDict
from components.reviewed_schema_gen import logic

# The file name that SchemaGen uses. (Other components read the only file in the folder, whatever its name.)
SCHEMA_FILE = "schema.pbtxt"


class Executor(base_executor.BaseExecutor):
    """Checks the text and writes it."""

    def Do(self, input_dict: ArtifactDict, output_dict: ArtifactDict, exec_properties: dict[str, Any]) -> None:
        """Writes the schema. Raises components.reviewed_schema_gen.logic.SchemaError for a text that is not a schema."""
        schema = logic.parse(exec_properties["schema_text"])
        uri = artifact_utils.get_single_uri(output_dict["schema"])
        io_utils.write_pbtxt_file(posixpath.join(uri, SCHEMA_FILE), schema)
