"""A pipeline compiled for an orchestrator that runs every node as a process: what its steps are told, as JSON.

It holds the configuration, not TFX's intermediate representation of it: a step compiles that anew, with the values that this
run gives to settings. So every setting can be a parameter of a run, those that TFX puts into properties of nodes included.
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
# Tables of settings that no step needs.
_FOR_COMPILERS = frozenset({"kubeflow", "airflow"})


class CompiledPipeline(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled pipeline.

    Attributes:
        name: of the pipeline.
        code: hash of all code that it runs.
        settings: what differs from the defaults, as in a TOML file.
        needs: node id -> ids of the nodes that must have run before, in topological order.
        secrets: environment variable that every step needs -> the Secret whose key of that name it is.
        schema_version: of this file.
    """

    name: str
    code: str
    settings: dict[str, Any]
    needs: dict[str, list[str]]
    secrets: dict[str, str] = {}
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """Returns it as JSON, the same for the same pipeline."""
        return msgspec.json.encode(self).decode()

    def config_for_run(self, assignments: Iterable[str] = ()) -> PipelineConfig:
        """Returns the configuration of a run.

        Args:
            assignments: `key=value` of what this run sets otherwise; an empty value leaves what was compiled.

        Raises:
            UsageError: one of them cannot be.
        """
        given = [a for a in assignments if a.partition("=")[2].strip()]
        return pipeline_config.load(None, given, {}, base=self.settings)


def compile_for_steps(finished: PipelineConfig, secrets: Mapping[str, str] | None = None) -> CompiledPipeline:
    """Compiles a pipeline; `secrets` are those of the CompiledPipeline."""
    from pipeline import ir

    return CompiledPipeline(
        name=finished.pipeline_name,
        code=code_hash.of_pipeline(finished),
        settings={key: value for key, value in _given(finished).items() if key not in _FOR_COMPILERS},
        needs=ir.needs(finished),
        secrets=dict(secrets or {}),
    )


def check_code(compiled: CompiledPipeline, finished: PipelineConfig) -> None:
    """Checks that what was compiled is what would run here.

    Raises:
        UsageError: the code has changed since.
    """
    found = code_hash.of_pipeline(finished)
    if found != compiled.code:
        raise UsageError(
            f"The code here ({found}) is not what this pipeline was compiled from ({compiled.code}), so nothing was run. "
            "Compile it again from this code, or run it in the commit, or the image, that it was compiled from."
        )


def check_secrets(compiled: CompiledPipeline, environment: Mapping[str, str] = os.environ) -> None:
    """Checks that a cluster has given what it keeps as Secrets.

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


def load(given: str) -> CompiledPipeline:
    """Reads a compiled pipeline: JSON, or the path of a file.

    Raises:
        UsageError: it cannot be read, or another version of this project has written it.
    """
    text, where = given, "--pipeline"
    if not given.lstrip().startswith("{"):
        try:
            text, where = Path(given).read_text("utf-8"), given
        except OSError as error:
            raise UsageError(f"The compiled pipeline {given} cannot be read: {error.strerror}. Compile it again.") from None
    try:
        compiled = msgspec.json.decode(text, type=CompiledPipeline)
    except msgspec.DecodeError as error:
        raise UsageError(f"{where} is no compiled pipeline: {error}. Compile it again.") from None
    if compiled.schema_version != SCHEMA_VERSION:
        raise UsageError(f"{where} has version {compiled.schema_version}; this is {SCHEMA_VERSION}. Compile it again.")
    return compiled


def _given(finished: PipelineConfig) -> dict[str, Any]:
    """Returns what was configured; where it depends on the folder that this process is in, it does so no more."""
    settings = _differences(msgspec.to_builtins(finished.settings), msgspec.to_builtins(Config()))
    settings["output_dir"] = finished.output_dir
    if finished.settings.data.path:
        settings["data"]["path"] = finished.data_path
    return settings


def _differences(settings: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    found = {}
    for key, value in settings.items():
        default = defaults.get(key)
        if isinstance(value, dict) and isinstance(default, dict) and default:
            if inner := _differences(value, default):
                found[key] = inner
        elif value != default:
            found[key] = value
    return found
