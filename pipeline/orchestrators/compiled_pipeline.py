"""A pipeline compiled for an orchestrator that runs every node in a separate process: the input of the steps, as JSON.

It holds the configuration, and not TFX's intermediate representation. A step compiles the configuration again, with the
settings of its run. So each setting can be a parameter of a run, even a setting that TFX writes into a node's properties.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from pipeline import code_hash
from pipeline.config import pipeline_config
from pipeline.config.pipeline_config import PipelineConfig
from pipeline.config.tables import Config
from pipeline.errors import UsageError

SCHEMA_VERSION = 1
# Tables of settings that only the compilers read.
_FOR_COMPILERS = frozenset({"kubeflow", "airflow"})


class CompiledPipeline(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled pipeline.

    Attributes:
        name: name of the pipeline.
        code: hash of all code that its nodes run.
        settings: the settings that differ from the defaults, as nested tables.
        upstream: node id -> ids of the nodes that must run before it, in topological order.
        secrets: environment variable that each step needs -> name of the Secret that holds it.
        schema_version: version of this JSON format.
    """

    name: str
    code: str
    settings: dict[str, Any]
    upstream: dict[str, list[str]] = msgspec.field(name="needs")  # its key in the JSON
    secrets: dict[str, str] = {}
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """Returns the JSON text. Equal pipelines have equal texts."""
        return msgspec.json.encode(self).decode()

    def config_for_run(self, assignments: Iterable[str] = ()) -> PipelineConfig:
        """Returns the configuration of a run.

        Args:
            assignments: `key=value` of the settings that this run changes; an empty value keeps the compiled one.

        Raises:
            UsageError: a key is unknown, or a value is not allowed.
        """
        non_empty = [a for a in assignments if a.partition("=")[2].strip()]
        return pipeline_config.load(None, non_empty, {}, base=self.settings)


def compile_for_steps(config: PipelineConfig, secrets: Mapping[str, str] | None = None) -> CompiledPipeline:
    """Compiles a pipeline.

    Args:
        config: the configuration.
        secrets: environment variable that each step needs -> name of the Secret that holds it.
    """
    from pipeline import ir

    settings = _portable_settings(config)
    return CompiledPipeline(
        name=config.pipeline_name,
        code=code_hash.of_pipeline(config),
        settings={table: value for table, value in settings.items() if table not in _FOR_COMPILERS},
        upstream=ir.upstream(config),
        secrets=dict(secrets or {}),
    )


def check_code(compiled: CompiledPipeline, config: PipelineConfig) -> None:
    """Checks that the code here is the code that the pipeline was compiled from.

    Raises:
        UsageError: the code differs.
    """
    code_here = code_hash.of_pipeline(config)
    if code_here != compiled.code:
        raise UsageError(
            f"The code here ({code_here}) differs from the code that this pipeline was compiled from ({compiled.code}), so "
            "no node ran. Compile the pipeline again, or run it with the commit, or the image, that it was compiled from."
        )


def check_secrets(compiled: CompiledPipeline, environment: Mapping[str, str] = os.environ) -> None:
    """Checks that the cluster has set the environment variables that come from Secrets.

    Raises:
        UsageError: one is missing.
    """
    for variable, secret in compiled.secrets.items():
        if variable not in environment:
            raise UsageError(
                f"The environment variable {variable} is not set: there is no Secret '{secret}' in the namespace of this run, "
                f"or it has no key {variable}. Create it (kubectl create secret generic {secret} "
                f"--from-literal={variable}=...), then run the workflow again."
            )


def load(json_or_path: str) -> CompiledPipeline:
    """Reads a compiled pipeline from JSON text, or from the file at a path.

    Raises:
        UsageError: it cannot be read, or another version of this project has written it.
    """
    text, source = json_or_path, "--pipeline"
    if not json_or_path.lstrip().startswith("{"):
        try:
            text, source = Path(json_or_path).read_text("utf-8"), json_or_path
        except OSError as error:
            raise UsageError(
                f"The compiled pipeline {json_or_path} cannot be read: {error.strerror}. Compile it again."
            ) from None
    try:
        compiled = msgspec.json.decode(text, type=CompiledPipeline)
    except msgspec.DecodeError as error:
        raise UsageError(f"{source} is not a compiled pipeline: {error}. Compile it again.") from None
    if compiled.schema_version != SCHEMA_VERSION:
        raise UsageError(f"{source} has version {compiled.schema_version}; this is {SCHEMA_VERSION}. Compile it again.")
    return compiled


def _portable_settings(config: PipelineConfig) -> dict[str, Any]:
    """Returns the settings that differ from the defaults. Paths are absolute: a step may run in another working directory."""
    settings = _differences(msgspec.to_builtins(config.settings), msgspec.to_builtins(Config()))
    settings["output_dir"] = config.output_dir
    if config.settings.data.path:
        settings["data"]["path"] = config.data_path
    return settings


def _differences(settings: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that differ from the defaults, in nested tables without empty ones."""
    different: dict[str, Any] = {}
    for key, value in settings.items():
        default = defaults.get(key)
        if isinstance(value, dict) and isinstance(default, dict) and default:
            if table := _differences(value, default):
                different[key] = table
        elif value != default:
            different[key] = value
    return different
