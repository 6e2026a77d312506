"""Runs a PipelineSpec as Kubeflow Pipelines 2 and Vertex do. Each task's real command runs on this machine.

The artifacts, which a service stores in its database, are stored in a file here.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from tests.orchestrators.kubeflow_v2.store import Store, UnknownFormError
from tests.support import cli

SUCCEEDED, FAILED, SKIPPED, CACHED = "succeeded", "failed", "skipped", "cached"
_STEP_SECONDS = 300

# The placeholders of a command: the whole ExecutorInput, a parameter, the run's name, an artifact's metadata.
_PLACEHOLDER = re.compile(
    r"\{\{\$(?P<path>\.inputs\.parameters\['(?P<parameter>[^']+)'\]|\.pipeline_job_name"
    r"|\.inputs\.artifacts\['(?P<artifact>[^']+)'\]\.metadata\['(?P<key>[^']+)'\])?\}\}"
)
_CONDITION = re.compile(r"\(?inputs\.artifacts\['([^']+)'\]\.artifacts\[0\]\.metadata\['([^']+)'\] == ([0-9.]+)\)?")

# Outputs of a cached task: output key -> (folder of the artifact, its metadata).
Cached = Mapping[str, tuple[str, Mapping[str, Any]]]


@dataclass
class Run:
    """A run and the outcome of its tasks.

    Attributes:
        name: name of the run.
        states: task -> SUCCEEDED, FAILED, SKIPPED or CACHED.
        logs: task -> log file of its processes.
        attempts: task -> number of times its command ran.
    """

    name: str
    states: dict[str, str] = field(default_factory=dict)
    logs: dict[str, Path] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)


class Interpreter:
    """Runs a PipelineSpec."""

    def __init__(
        self,
        spec: Mapping[str, Any],
        root: Path,
        store: Store,
        environment: Mapping[str, str],
        cwd: Path,
        run_module: Callable[..., int] = cli.run_in_new_process,
    ) -> None:
        """Checks the spec against the published proto.

        Args:
            spec: the PipelineSpec.
            root: folder for the artifacts of the runs.
            store: the artifacts of all runs.
            environment: variables that are added to the environment of the steps.
            cwd: folder that the steps run in, which stands for the image's working folder.
            run_module: runs a step's `python -m MODULE`, in a new process or, faster, in a fork (`tests.support.warm`).

        Raises:
            google.protobuf.json_format.ParseError: the spec is not valid for the proto.
        """
        json_format.ParseDict(dict(spec), pipeline_spec_pb2.PipelineSpec())
        json_format.ParseDict(spec["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
        self.spec, self._root, self._store = spec, root, store
        self._environment, self._cwd, self._run_module = environment, cwd, run_module

    def run(self, name: str, cached: Mapping[str, Cached] | None = None, **parameters: str) -> Run:
        """Runs all tasks.

        A task whose condition is false is skipped. So is every task that depends on a skipped or failed one.

        Args:
            name: name of the run.
            cached: outputs of the tasks that the service takes from its cache instead of running them.
            parameters: values that replace the defaults of the spec.
        """
        declared = self.spec["root"].get("inputDefinitions", {}).get("parameters", {})
        values = {
            key: parameter["defaultValue"] for key, parameter in declared.items() if "defaultValue" in parameter
        } | parameters
        tasks = self.spec["root"]["dag"]["tasks"]
        run, produced = Run(name), {}
        for task_name in TopologicalSorter({n: _upstream(t) for n, t in tasks.items()}).static_order():
            task = tasks[task_name]
            if any(run.states[upstream] not in (SUCCEEDED, CACHED) for upstream in _upstream(task)):
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
                produced[task_name], run.states[task_name] = self._cached_outputs(task, cached[task_name]), CACHED
                continue
            outputs = self._run_task(run, task_name, task, inputs, values)
            if outputs is not None:
                produced[task_name] = outputs
        return run

    def _cached_outputs(self, task: Mapping[str, Any], cached: Cached) -> dict[str, Any]:
        declared = self.spec["components"][task["componentRef"]["name"]]["outputDefinitions"]["artifacts"]
        return {
            key: [{"name": uri, "uri": uri, "type": declared[key]["artifactType"], "metadata": dict(metadata)}]
            for key, (uri, metadata) in cached.items()
        }

    def _run_task(
        self, run: Run, name: str, task: Mapping[str, Any], inputs: dict[str, Any], values: Mapping[str, str]
    ) -> dict[str, Any] | None:
        """Runs one task. Returns output key -> artifacts, or None if the task failed."""
        component = self.spec["components"][task["componentRef"]["name"]]
        executor = self.spec["deploymentSpec"]["executors"][component["executorLabel"]]
        if "resolver" in executor:
            run.states[name] = SUCCEEDED
            executor_input = {"inputs": {"artifacts": {k: {"artifacts": v} for k, v in inputs.items()}}}
            return {
                key: self._store.query(_filled(query["filter"], executor_input, run.name))
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
            key: [{"name": f"{run.name}/{name}/{key}", "uri": str(folder / key), "type": spec["artifactType"], "metadata": {}}]
            for key, spec in component.get("outputDefinitions", {}).get("artifacts", {}).items()
        }
        executor_input = {
            "inputs": {"artifacts": {k: {"artifacts": v} for k, v in inputs.items()}, "parameterValues": parameters},
            "outputs": {
                "artifacts": {k: {"artifacts": v} for k, v in outputs.items()},
                "outputFile": str(folder / "executor_output.json"),
            },
        }
        run.logs[name] = folder / "log"
        if not self._run_container(run, name, executor["container"], executor_input, task.get("retryPolicy", {})):
            run.states[name] = FAILED
            return None
        written = json.loads((folder / "executor_output.json").read_text())
        for key, [artifact] in outputs.items():
            for reported in written.get("artifacts", {}).get(key, {}).get("artifacts", []):
                artifact["metadata"] |= reported.get("metadata", {})
                artifact["uri"] = reported.get("uri", artifact["uri"])
            self._store.add(artifact)
        run.states[name] = SUCCEEDED
        return outputs

    def _imported(self, name: str, importer: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Returns an artifact for the importer's URI: the known one, or a new one if none is known or `reimport` is set."""
        source = importer["artifactUri"]
        uri = parameters[source["runtimeParameter"]] if "runtimeParameter" in source else source["constant"]
        known = [a for a in self._store.artifacts if (a["uri"], a["type"]) == (uri, importer["typeSchema"])]
        if known and not parameters.get("reimport"):
            return known[-1]
        artifact = {"name": name, "uri": uri, "type": importer["typeSchema"], "metadata": dict(importer.get("metadata", {}))}
        self._store.add(artifact)
        return artifact

    def _run_container(
        self, run: Run, name: str, container: Mapping[str, Any], executor_input: Mapping[str, Any], retries: Mapping[str, Any]
    ) -> bool:
        """Runs a task's container, again after a failure as its retry policy says. Returns whether it succeeded."""
        hook = container.get("lifecycle", {}).get("preCacheCheck")
        if hook and self._call(run, name, hook, executor_input):
            return False
        for _ in range(1 + int(retries.get("maxRetryCount", 0))):
            run.attempts[name] = run.attempts.get(name, 0) + 1
            if self._call(run, name, container, executor_input) == 0:
                return True
        return False

    def _call(self, run: Run, name: str, program: Mapping[str, Any], executor_input: Mapping[str, Any]) -> int:
        """Runs a command with its placeholders replaced. Returns its exit code."""
        command = [_filled(word, executor_input, run.name) for word in [*program["command"], *program.get("args", [])]]
        if command[:2] != ["python", "-m"]:
            raise UnknownFormError(command)
        log = run.logs[name]
        return self._run_module(
            command[2], command[3:], cwd=self._cwd, environment={**os.environ, **self._environment},
            streams=(Path(os.devnull), log, log), seconds=_STEP_SECONDS,
        )  # fmt: skip


def load(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns (PipelineSpec, platform specification for Kubernetes or {}) of a compiled file."""
    if path.suffix == ".json":
        return json.loads(path.read_text())["pipelineSpec"], {}
    spec, *platforms = yaml.safe_load_all(path.read_text())
    return spec, platforms[0] if platforms else {}


def _upstream(task: Mapping[str, Any]) -> set[str]:
    """Returns the tasks that a task depends on."""
    artifacts = task.get("inputs", {}).get("artifacts", {}).values()
    return {*task.get("dependentTasks", ()), *(a["taskOutputArtifact"]["producerTask"] for a in artifacts)}


def _value(source: Mapping[str, Any], values: Mapping[str, str], run: str) -> Any:
    """Returns the value of a task's parameter. `values`: the run's parameters; `run`: its name."""
    if "componentInputParameter" in source:
        return values[source["componentInputParameter"]]
    constant = source["runtimeValue"]["constant"]
    return run if constant == "{{$.pipeline_job_name}}" else constant


def _filled(text: str, executor_input: Mapping[str, Any], run: str) -> str:
    """Returns a text with its placeholders replaced."""

    def value(match: re.Match[str]) -> str:
        if not match["path"]:
            return json.dumps(executor_input)
        if match["parameter"]:
            return str(executor_input["inputs"]["parameterValues"][match["parameter"]])
        if match["artifact"]:
            artifacts = executor_input["inputs"]["artifacts"][match["artifact"]]["artifacts"]
            return str(artifacts[0]["metadata"].get(match["key"], "")) if artifacts else ""
        return run

    return _PLACEHOLDER.sub(value, text)


def _holds(condition: str | None, inputs: Mapping[str, Any]) -> bool:
    """Returns whether a trigger condition is true: comparisons of artifact metadata joined by &&. None is true."""
    for part in condition.split(" && ") if condition else ():
        match = _CONDITION.fullmatch(part)
        if not match:
            raise UnknownFormError(part)
        artifacts = inputs[match[1]]
        if not artifacts or artifacts[0]["metadata"].get(match[2]) != float(match[3]):
            return False
    return True
