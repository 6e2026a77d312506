"""One task of Kubeflow Pipelines 2 or of Vertex AI: TFX's own executor, with the settings of this run.

TFX compiles the properties of a node into the task as constants. A parameter of the run that is only part of a property, such
as `train.steps`, would have no effect. So the task compiles the pipeline again with the settings of this run.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pipeline import errors
from pipeline.execution import signals
from pipeline.orchestrators import compiled_pipeline
from pipeline.orchestrators.run_parameters import RUN_PARAMETERS
from pipeline.terminal import logs, process_exit
from trainer_module import garbage

if TYPE_CHECKING:
    from kfp.pipeline_spec.pipeline_spec_pb2 import ExecutorInput
    from tfx.dsl.components.base.base_node import BaseNode

    from pipeline.config.pipeline_config import PipelineConfig

# The properties that the driver of a file-based ExampleGen determines.
_DRIVER_OUTPUTS = ("input_config", "span", "version", "input_fingerprint")

_log = logging.getLogger(__name__)


class _Options(NamedTuple):
    """The options of this command. Those of TFX's executor and of Beam follow them."""

    pipeline: str = "--pipeline"
    node: str = "--node"
    run_id: str = "--run-id"
    set: str = "--set"
    driver: str = "--driver"


OPTIONS = _Options()


def run(options: argparse.Namespace, beam_args: Sequence[str]) -> None:
    """Runs a task, or only its driver.

    Args:
        options: the command line.
        beam_args: the options of Beam.

    Raises:
        errors.PipelineError: the task cannot run.
    """
    compiled = compiled_pipeline.load(options.pipeline)
    config = compiled.config_for_run(options.set)
    compiled_pipeline.check_secrets(compiled)
    compiled_pipeline.check_code(compiled, config)
    logs.route_absl()
    reads_data = not compiled.upstream[options.node]
    invocation = _invocation(options, config, reads_data=reads_data)
    if not options.driver:
        _execute(options, beam_args, invocation)


def _invocation(options: argparse.Namespace, config: PipelineConfig, *, reads_data: bool) -> ExecutorInput:
    """Returns the inputs and outputs of a task, with the properties that its node has in this run."""
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    from components.csv_files.errors import InputDataError
    from pipeline import ir
    from pipeline.dag import create_pipeline

    invocation = json_format.Parse(
        options.json_serialized_invocation_args, pipeline_spec_pb2.ExecutorInput(), ignore_unknown_fields=True
    )
    try:
        pipeline = create_pipeline(config if reads_data else ir.without_data(config))
        [node] = [n for n in pipeline.components if n.id == options.node]
        _set_properties(invocation, node.exec_properties, options.run_id)
        _drive(invocation, node)
    except InputDataError as error:
        raise errors.InputError(str(error)) from None
    return invocation


def _set_properties(invocation: ExecutorInput, properties: dict[str, Any], run_id: str) -> None:
    """Replaces the properties of a node, and removes the parameters of the run, which no executor knows."""
    from tfx.orchestration import data_types

    for parameter in RUN_PARAMETERS:
        invocation.inputs.parameter_values.pop(parameter.name, None)
    for name, value in properties.items():
        if isinstance(value, data_types.RuntimeParameter):
            _set(invocation, name, run_id)
        elif value is not None:
            _set(invocation, name, value)


def _set(invocation: ExecutorInput, name: str, value: str | float) -> None:
    parameter = invocation.inputs.parameter_values[name]
    if isinstance(value, str):
        parameter.string_value = value
    else:
        parameter.number_value = value


def _drive(invocation: ExecutorInput, node: BaseNode) -> None:
    """Runs the driver of a file-based ExampleGen: it finds the span, the version and the fingerprint of the files.

    Vertex runs the driver first, to look into its cache, and then again with the task. Kubeflow runs it only with the task.
    """
    from tfx.components.example_gen.driver import FileBasedDriver

    if not issubclass(node.driver_class, FileBasedDriver):
        return
    properties = {name: getattr(v, v.WhichOneof("kind")) for name, v in invocation.inputs.parameter_values.items()}
    resolved = node.driver_class(None).resolve_exec_properties(properties, None, None)
    for name in _DRIVER_OUTPUTS:
        if resolved.get(name) is not None:
            _set(invocation, name, resolved[name])
    _write_driver_output(invocation)


def _write_driver_output(invocation: ExecutorInput) -> None:
    """Writes the properties from the driver to the file that the service and TFX's executor read."""
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2
    from tfx.dsl.io import fileio

    output = pipeline_spec_pb2.ExecutorOutput()
    for name in _DRIVER_OUTPUTS:
        if name in invocation.inputs.parameter_values:
            output.parameter_values[name].CopyFrom(invocation.inputs.parameter_values[name])
    path = invocation.outputs.output_file
    fileio.makedirs(path.rpartition("/")[0])
    with fileio.open(path, "w") as file:
        file.write(json_format.MessageToJson(output, sort_keys=True))


def _execute(options: argparse.Namespace, beam_args: Sequence[str], invocation: ExecutorInput) -> None:
    """Runs TFX's executor, then logs the decision if the node is a gate."""
    from google.protobuf import json_format
    from tfx.dsl.io import fileio
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor

    for uri in _output_uris(invocation):
        fileio.makedirs(uri)  # on a volume neither TFX nor the service creates it
    options.json_serialized_invocation_args = json_format.MessageToJson(invocation)
    kubeflow_v2_run_executor.main((options, list(beam_args)))
    _log_decision(options.node, invocation)


def _log_decision(node: str, invocation: ExecutorInput) -> None:
    from components import gate

    for uri in _output_uris(invocation):
        decision = gate.read(uri)
        if decision:
            _log.info("%s: %s. %s", node, decision.decision.capitalize(), decision.why)


def _output_uris(invocation: ExecutorInput) -> Iterator[str]:
    for artifact_list in invocation.outputs.artifacts.values():
        yield from (artifact.uri for artifact in artifact_list.artifacts)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the task of this process, and ends the process."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.orchestrators.kubeflow_v2_entrypoint", description=__doc__.split("\n")[0]
    )
    parser.add_argument(OPTIONS.pipeline, required=True, help="the compiled pipeline as JSON")
    parser.add_argument(OPTIONS.node, required=True)
    parser.add_argument(OPTIONS.run_id, required=True)
    parser.add_argument(OPTIONS.set, action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument(OPTIONS.driver, action="store_true", help="run only the driver of ExampleGen")
    # The options of TFX's executor.
    parser.add_argument("--executor_class_path")
    parser.add_argument("--json_serialized_invocation_args", required=True)
    parser.add_argument("--json_serialized_inputs_spec_args")
    logs.to_stderr()
    with signals.as_exceptions():
        process_exit.run_and_exit(lambda: run(*parser.parse_known_args(arguments)))


if __name__ == "__main__":
    garbage.collect_seldom()
    main(sys.argv[1:])
