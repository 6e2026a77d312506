"""DataGate: turns the anomalies of ExampleValidator into a decision."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.data_gate import executor
from components.decision import OUTPUT_KEY
from components.gate import GateDecision


class DataGateSpec(component_spec.ComponentSpec):
    """Inputs: examples, anomalies, statistics and schema. Output: a decision."""

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
    OUTPUTS = {OUTPUT_KEY: component_spec.ChannelParameter(type=GateDecision)}


class DataGate(base_component.BaseComponent):
    """Decides whether data may be trained on, by the dataset's policy.

    ExampleValidator never stops a run: it only writes the anomalies. This gate reads them. It refuses or warns as the dataset's
    `AnomalyPolicy` says. It always refuses an empty split. The node itself succeeds in all cases, so no orchestrator retries
    a refusal. The nodes after the gate are built under a condition on its decision:

        gate = DataGate(examples, anomalies, statistics, schema, dataset="taxi", code=code)
        with tfx.dsl.Cond(gate.outputs["decision"].future()[0].custom_property("passed") == 1):
            transform = Transform(...)

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
            examples: read only to count values that are out of range.
            anomalies: the output of ExampleValidator.
            statistics: the output of StatisticsGen, for row counts and example values.
            schema: the schema against which the anomalies were found.
            dataset: name of the dataset whose policy applies.
            code: hash of the code that decides (`trainer_module.fingerprint.code`). After an edit TFX uses no cached decision.
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
