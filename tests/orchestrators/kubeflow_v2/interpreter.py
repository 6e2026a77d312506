"""Runs a PipelineSpec as Kubeflow Pipelines 2 and Vertex do: in the order of its tasks, each step's real command as a process.

What a service keeps in its database (artifacts, and which of them are live) is a file here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

SUCCEEDED, FAILED, SKIPPED, CACHED = "succeeded", "failed", "skipped", "cached"
_STEP_SECONDS = 300

# What may stand in a command: the whole ExecutorInput, a parameter, the run's name.
_PLACEHOLDER = re.compile(
    r"\{\{\$(?P<path>\.inputs\.parameters\['(?P<parameter>[^']+)'\]|\.pipeline_job_name"
    r"|\.inputs\.artifacts\['(?P<artifact>[^']+)'\]\.metadata\['(?P<key>[^']+)'\])?\}\}"
)
_CONDITION = re.compile(r"\(?inputs\.artifacts\['([^']+)'\]\.artifacts\[0\]\.metadata\['([^']+)'\] == ([0-9.]+)\)?")

# Output key -> folder of the artifact, and its metadata.
Cached = Mapping[str, tuple[str, Mapping[str, Any]]]


class UnknownFormError(ValueError):
    """The spec holds something that this interpreter does not know: better to say so than to pass over it."""


@dataclass
class Store:
    """The artifacts of all runs, oldest first, in a file."""

    path: Path
    artifacts: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.path.exists():
            self.artifacts = json.loads(self.path.read_text())

    def add(self, artifact: dict[str, Any]) -> None:
        """Keeps an artifact."""
        self.artifacts.append(artifact)
        self.path.write_text(json.dumps(self.artifacts, indent=1))

    def query(self, text: str) -> list[dict[str, Any]]:
        """Returns the newest artifact that a resolver's filter matches, or none."""
        conditions = [condition.partition("=") for condition in text.split(" AND ")]
        return [a for a in self.artifacts if all(self._holds(a, key, value.strip('"')) for key, _, value in conditions)][-1:]

    @staticmethod
    def _holds(artifact: Mapping[str, Any], key: str, value: str) -> bool:
        if key == "schema_title":
            return yaml.safe_load(artifact["type"]["instanceSchema"])["title"] == value
        if key == "state":
            return value == "LIVE"
        if key == "name":
            return artifact["name"] == value
        metadata = re.fullmatch(r"metadata\.(\w+)\.number_value", key)
        if not metadata:
            raise UnknownFormError(key)
        return artifact["metadata"].get(metadata[1]) == float(value)


@dataclass
class Run:
    """One run, and what has become of its tasks.

    Attributes:
        name: of the run.
        states: task -> state.
        logs: task -> file that its processes write to.
        attempts: task -> how often its command was run.
    """

    name: str
    states: dict[str, str] = field(default_factory=dict)
    logs: dict[str, Path] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)


class Interpreter:
    """Runs a spec."""

    def __init__(self, spec: Mapping[str, Any], root: Path, store: Store, environment: Mapping[str, str], cwd: Path) -> None:
        """Checks the spec against the published proto.

        Args:
            spec: the PipelineSpec.
            root: folder of the runs' artifacts.
            store: of artifacts.
            environment: of the steps.
            cwd: where the steps run: the image's working folder.

        Raises:
            google.protobuf.json_format.ParseError: it is not what the proto allows.
        """
        json_format.ParseDict(dict(spec), pipeline_spec_pb2.PipelineSpec())
        json_format.ParseDict(spec["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
        self._spec, self._root, self._store = spec, root, store
        self._environment, self._cwd = environment, cwd

    def run(self, name: str, cached: Mapping[str, Cached] | None = None, **parameters: str) -> Run:
        """Runs all tasks. A task whose condition does not hold is skipped, with those that depend on it; so is one behind a
        failed one.

        Args:
            name: of the run.
            cached: task -> its outputs, of tasks that the service answers from its cache.
            parameters: what the run sets otherwise than the spec.
        """
        declared = self._spec["root"].get("inputDefinitions", {}).get("parameters", {})
        values = {
            key: parameter["defaultValue"] for key, parameter in declared.items() if "defaultValue" in parameter
        } | parameters
        tasks = self._spec["root"]["dag"]["tasks"]
        run, produced = Run(name), {}
        for task_name in TopologicalSorter({n: _needs(t) for n, t in tasks.items()}).static_order():
            task = tasks[task_name]
            if any(run.states[needed] not in (SUCCEEDED, CACHED) for needed in _needs(task)):
                run.states[task_name] = SKIPPED
                continue
            inputs = {
                key: produced[source["taskOutputArtifact"]["producerTask"]][source["taskOutputArtifact"]["outputArtifactKey"]]
                for key, source in task.get("inputs", {}).get("artifacts", {}).items()
            }
            if not _holds(task.get("triggerPolicy", {}).get("condition"), inputs):
                run.states[task_name] = SKIPPED
                continue
            if cached and task_name in cached:
                produced[task_name], run.states[task_name] = self._answered(task, cached[task_name]), CACHED
                continue
            outputs = self._run_task(run, task_name, task, inputs, values)
            if outputs is not None:
                produced[task_name] = outputs
        return run

    def _answered(self, task: Mapping[str, Any], cached: Cached) -> dict[str, Any]:
        made = self._spec["components"][task["componentRef"]["name"]]["outputDefinitions"]["artifacts"]
        return {
            key: [{"name": uri, "uri": uri, "type": made[key]["artifactType"], "metadata": dict(metadata)}]
            for key, (uri, metadata) in cached.items()
        }

    def _run_task(
        self, run: Run, name: str, task: Mapping[str, Any], inputs: dict[str, Any], values: Mapping[str, str]
    ) -> dict[str, Any] | None:
        component = self._spec["components"][task["componentRef"]["name"]]
        executor = self._spec["deploymentSpec"]["executors"][component["executorLabel"]]
        if "resolver" in executor:
            run.states[name] = SUCCEEDED
            told = {"inputs": {"artifacts": {k: {"artifacts": v} for k, v in inputs.items()}}}
            return {
                key: self._store.query(_filled(query["filter"], told, run.name))
                for key, query in executor["resolver"]["outputArtifactQueries"].items()
            }
        parameters = {
            key: _value(source, values, run.name) for key, source in task.get("inputs", {}).get("parameters", {}).items()
        }
        if "importer" in executor:
            run.states[name] = SUCCEEDED
            [key] = component["outputDefinitions"]["artifacts"]
            return {key: [self._imported(f"{run.name}/{name}/{key}", executor["importer"], parameters)]}
        if "container" not in executor:
            raise UnknownFormError(f"{name}: {', '.join(executor)}")
        folder = self._root / run.name / name
        folder.mkdir(parents=True)
        outputs = {
            key: [{"name": f"{run.name}/{name}/{key}", "uri": str(folder / key), "type": made["artifactType"], "metadata": {}}]
            for key, made in component.get("outputDefinitions", {}).get("artifacts", {}).items()
        }
        told = {
            "inputs": {"artifacts": {k: {"artifacts": v} for k, v in inputs.items()}, "parameterValues": parameters},
            "outputs": {
                "artifacts": {k: {"artifacts": v} for k, v in outputs.items()},
                "outputFile": str(folder / "executor_output.json"),
            },
        }
        run.logs[name] = folder / "log"
        if not self._run_container(run, name, executor["container"], told, task.get("retryPolicy", {})):
            run.states[name] = FAILED
            return None
        written = json.loads((folder / "executor_output.json").read_text())
        for key, [artifact] in outputs.items():
            for found in written.get("artifacts", {}).get(key, {}).get("artifacts", []):
                artifact["metadata"] |= found.get("metadata", {})
                artifact["uri"] = found.get("uri", artifact["uri"])
            self._store.add(artifact)
        run.states[name] = SUCCEEDED
        return outputs

    def _imported(self, name: str, importer: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Makes what lies somewhere known as an artifact; unless it is to be imported again, it is the one of before."""
        where = importer["artifactUri"]
        uri = parameters[where["runtimeParameter"]] if "runtimeParameter" in where else where["constant"]
        known = [a for a in self._store.artifacts if (a["uri"], a["type"]) == (uri, importer["typeSchema"])]
        if known and not parameters.get("reimport"):
            return known[-1]
        artifact = {"name": name, "uri": uri, "type": importer["typeSchema"], "metadata": dict(importer.get("metadata", {}))}
        self._store.add(artifact)
        return artifact

    def _run_container(
        self, run: Run, name: str, container: Mapping[str, Any], told: Mapping[str, Any], retries: Mapping[str, Any]
    ) -> bool:
        hook = container.get("lifecycle", {}).get("preCacheCheck")
        if hook and self._call(run, name, hook, told):
            return False
        for _ in range(1 + int(retries.get("maxRetryCount", 0))):
            run.attempts[name] = run.attempts.get(name, 0) + 1
            if self._call(run, name, container, told) == 0:
                return True
        return False

    def _call(self, run: Run, name: str, what: Mapping[str, Any], told: Mapping[str, Any]) -> int:
        command = [_filled(word, told, run.name) for word in [*what["command"], *what.get("args", [])]]
        if command[0] == "python":
            command[0] = sys.executable
        with run.logs[name].open("ab") as log:
            return subprocess.run(
                command, cwd=self._cwd, env={**os.environ, **self._environment}, stdout=log, stderr=log, timeout=_STEP_SECONDS,
                check=False,
            ).returncode  # fmt: skip


def load(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the PipelineSpec of a compiled file, and what it says about Kubernetes."""
    if path.suffix == ".json":
        return json.loads(path.read_text())["pipelineSpec"], {}
    spec, *platforms = yaml.safe_load_all(path.read_text())
    return spec, platforms[0] if platforms else {}


def _needs(task: Mapping[str, Any]) -> set[str]:
    artifacts = task.get("inputs", {}).get("artifacts", {}).values()
    return {*task.get("dependentTasks", ()), *(a["taskOutputArtifact"]["producerTask"] for a in artifacts)}


def _value(source: Mapping[str, Any], values: Mapping[str, str], run: str) -> Any:
    if "componentInputParameter" in source:
        return values[source["componentInputParameter"]]
    constant = source["runtimeValue"]["constant"]
    return run if constant == "{{$.pipeline_job_name}}" else constant


def _filled(text: str, told: Mapping[str, Any], run: str) -> str:
    def value(match: re.Match[str]) -> str:
        if not match["path"]:
            return json.dumps(told)
        if match["parameter"]:
            return str(told["inputs"]["parameterValues"][match["parameter"]])
        if match["artifact"]:
            found = told["inputs"]["artifacts"][match["artifact"]]["artifacts"]
            return str(found[0]["metadata"].get(match["key"], "")) if found else ""
        return run

    return _PLACEHOLDER.sub(value, text)


def _holds(condition: str | None, inputs: Mapping[str, Any]) -> bool:
    """Says whether a trigger condition holds: comparisons of metadata, joined by "and"."""
    for part in condition.split(" && ") if condition else ():
        match = _CONDITION.fullmatch(part)
        if not match:
            raise UnknownFormError(part)
        artifacts = inputs[match[1]]
        if not artifacts or artifacts[0]["metadata"].get(match[2]) != float(match[3]):
            return False
    return True
