"""DataGate: what ExampleValidator finds becomes a decision."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.data_gate import executor
from components.gate import GateDecision


class DataGateSpec(component_spec.ComponentSpec):
    """Examples, anomalies, statistics and schema in, a decision out."""

    PARAMETERS = {
        "dataset": component_spec.ExecutionParameter(type=str),
        "code": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "schema": component_spec.ChannelParameter(type=standard_artifacts.Schema),
    }
    OUTPUTS = {"decision": component_spec.ChannelParameter(type=GateDecision)}


class DataGate(base_component.BaseComponent):
    """Decides whether data may be trained on, by the dataset's policy.

    ExampleValidator never stops a run: it writes down what it found. This gate reads it, and refuses or warns as the
    dataset's `AnomalyPolicy` says; an empty split is always refused. It succeeds as a node either way. Everything behind
    it stands under

        with tfx.dsl.Cond(gate.outputs["decision"].future()[0].custom_property("passed") == 1):

    so that a refusal is no failure to be retried, on any orchestrator.

    Component `outputs` contains:
     - `decision`: Channel of type `GateDecision`.
    """

    SPEC_CLASS = DataGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        anomalies: types.BaseChannel,
        statistics: types.BaseChannel,
        schema: types.BaseChannel,
        dataset: str,
        code: str,
    ) -> None:
        """Constructs a DataGate.

        Args:
            examples: read again only to count values that are out of range.
            anomalies: of ExampleValidator.
            statistics: of StatisticsGen: for row counts and example values.
            schema: that the anomalies were found against.
            dataset: name of the dataset whose policy applies.
            code: hash of the code that decides (`trainer_module.fingerprint.code`), so that an edit is no cache hit.
        """
        super().__init__(
            DataGateSpec(
                examples=examples,
                anomalies=anomalies,
                statistics=statistics,
                schema=schema,
                dataset=dataset,
                code=code,
                decision=types.Channel(type=GateDecision),
            )
        )
