"""One task of Kubeflow Pipelines 2 or of Vertex AI: TFX's own, with this run's values for settings.

TFX compiles a node's properties into the task as constants. A parameter of the run that is a part of one of them, like
`train.steps`, would have no way in: so they are taken from the pipeline as it is with the values of this run.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from pipeline import errors
from pipeline.execution import signals
from pipeline.orchestrators import compiled_pipeline
from pipeline.terminal import logs, process_exit

if TYPE_CHECKING:
    from kfp.pipeline_spec.pipeline_spec_pb2 import ExecutorInput
    from tfx.dsl.components.base.base_node import BaseNode

# Setting -> name of the run's parameter, which may hold letters, digits and lines only.
PARAMETERS = {"data.path": "data_path", "data.span": "data_span", "train.steps": "train_steps"}

_log = logging.getLogger(__name__)


class _Options(NamedTuple):
    """Of the command line; those of TFX's executor and Beam's come behind them."""

    pipeline: str = "--pipeline"
    node: str = "--node"
    run_id: str = "--run-id"
    set: str = "--set"
    driver: str = "--driver"


OPTIONS = _Options()


def run(given: argparse.Namespace, beam_args: Sequence[str]) -> None:
    """Runs a task.

    Args:
        given: the command line.
        beam_args: Beam's options.

    Raises:
        errors.PipelineError: one paragraph: what went wrong, and the way out.
    """
    made = compiled_pipeline.load(given.pipeline)
    config = made.config_for_run(given.set)
    compiled_pipeline.check_secrets(made)
    compiled_pipeline.check_code(made, config)
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    from components.csv_files.format import InputDataError
    from pipeline import ir
    from pipeline.dag import create_pipeline

    logs.settle()
    told = json_format.Parse(
        given.json_serialized_invocation_args, pipeline_spec_pb2.ExecutorInput(), ignore_unknown_fields=True
    )
    seen = config if not made.needs[given.node] else ir.without_data(config)
    try:
        [node] = [c for c in create_pipeline(seen).components if c.id == given.node]
        _fill_in(told, node.exec_properties, given.run_id)
        _drive(told, node)
    except InputDataError as error:
        raise errors.InputError(str(error)) from None
    if given.driver:
        return
    from tfx.dsl.io import fileio
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor

    for outputs in told.outputs.artifacts.values():
        for artifact in outputs.artifacts:
            fileio.makedirs(artifact.uri)  # as everywhere else; on a volume nobody else does it
    given.json_serialized_invocation_args = json_format.MessageToJson(told)
    kubeflow_v2_run_executor.main((given, list(beam_args)))
    _say_what_was_decided(given.node, told)


def _fill_in(told: ExecutorInput, properties: dict[str, Any], run_id: str) -> None:
    """Replaces a node's properties, and takes out what the pipeline was just compiled with."""
    from tfx.orchestration import data_types

    for name in PARAMETERS.values():
        told.inputs.parameter_values.pop(name, None)

    for name, value in properties.items():
        if value is None:
            continue
        slot = told.inputs.parameter_values[name]
        if isinstance(value, data_types.RuntimeParameter):
            slot.string_value = run_id
        elif isinstance(value, str):
            slot.string_value = value
        else:
            slot.number_value = value


def _drive(told: ExecutorInput, node: BaseNode) -> None:
    """Does for a file-based ExampleGen what its driver does elsewhere: finds spans, versions, and the fingerprint of the files.

    Vertex runs this before it looks into its cache, then once more; Kubeflow has no such hook.
    """
    from tfx.components.example_gen.driver import FileBasedDriver

    if not issubclass(node.driver_class, FileBasedDriver):
        return
    properties = {k: getattr(v, v.WhichOneof("kind")) for k, v in told.inputs.parameter_values.items()}
    found = node.driver_class(None).resolve_exec_properties(properties, None, None)
    for name in ("input_config", "span", "version", "input_fingerprint"):
        value = found.get(name)
        if isinstance(value, str):
            told.inputs.parameter_values[name].string_value = value
        elif value is not None:
            told.inputs.parameter_values[name].number_value = value
    _write_driver_output(told)


def _write_driver_output(told: ExecutorInput) -> None:
    """Tells the service, and TFX's executor, what the driver has found."""
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2
    from tfx.dsl.io import fileio

    output = pipeline_spec_pb2.ExecutorOutput()
    for name in ("input_config", "span", "version", "input_fingerprint"):
        if name in told.inputs.parameter_values:
            output.parameter_values[name].CopyFrom(told.inputs.parameter_values[name])
    path = told.outputs.output_file
    fileio.makedirs(path.rpartition("/")[0])
    with fileio.open(path, "w") as file:
        file.write(json_format.MessageToJson(output, sort_keys=True))


def _say_what_was_decided(node: str, told: ExecutorInput) -> None:
    from components import gate

    for outputs in told.outputs.artifacts.values():
        for artifact in outputs.artifacts:
            decision = gate.read(artifact.uri)
            if decision:
                _log.info("%s: %s. %s", node, decision.decision.capitalize(), decision.why)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the task of this process, and ends it."""
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.orchestrators.kubeflow_v2_entrypoint", description=__doc__.split("\n")[0]
    )
    parser.add_argument(OPTIONS.pipeline, required=True, help="what `compile` has made, as JSON")
    parser.add_argument(OPTIONS.node, required=True)
    parser.add_argument(OPTIONS.run_id, required=True)
    parser.add_argument(OPTIONS.set, action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument(OPTIONS.driver, action="store_true", help="only find the data")
    parser.add_argument("--executor_class_path")
    parser.add_argument("--json_serialized_invocation_args", required=True)
    parser.add_argument("--json_serialized_inputs_spec_args")
    logs.to_stderr()
    with signals.raised():
        process_exit.run_and_exit(lambda: run(*parser.parse_known_args(arguments)))


if __name__ == "__main__":
    main(sys.argv[1:])
