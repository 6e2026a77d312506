"""ChampionGate: ends a run whose model is already being served."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration import data_types
from tfx.types import component_spec, standard_artifacts

from components.champion_gate import executor
from components.decision import OUTPUT_KEY
from components.gate import GateDecision


class ChampionGateSpec(component_spec.ComponentSpec):
    """Inputs: candidate and champion. Output: a decision."""

    PARAMETERS = {
        "serving": component_spec.ExecutionParameter(type=str),
        "run_id": component_spec.ExecutionParameter(type=str),
        "code": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "champion": component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {OUTPUT_KEY: component_spec.ChannelParameter(type=GateDecision)}


class ChampionGate(base_component.BaseComponent):
    """Ends a run without a new model: its model is the served one, so it was blessed before.

    Without this gate a rerun without changes would compare the champion with itself and push it again. The Trainer can return
    the served model itself only from TFX's cache, that is, only if nothing that determines the model has changed.

    The nodes after the gate are built under a condition on its decision:

        gate = ChampionGate(trainer.outputs["model"], champion.outputs["model"], serving=folder, run_id=run_id, code=code)
        with tfx.dsl.Cond(gate.outputs["decision"].future()[0].custom_property("passed") == 1):
            evaluator = Evaluator(...)

    Component `outputs` contains:
     - `decision`: Channel of type `GateDecision`: "passed", or "unchanged" if there is nothing to do.
    """

    SPEC_CLASS = ChampionGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        champion: types.BaseChannel,
        serving: str,
        run_id: str | data_types.RuntimeParameter,
        code: str,
    ) -> None:
        """Constructs a ChampionGate.

        Args:
            model: the candidate.
            champion: the latest blessed model; the channel may be empty.
            serving: the folder of versions that the Pusher pushes to.
            run_id: id of this run. The decision depends on the serving folder, which is not an input. A new run id in every run
                keeps TFX from using a cached decision.
            code: hash of the code that decides.
        """
        super().__init__(
            ChampionGateSpec(
                model=model,
                champion=champion,
                serving=serving,
                run_id=run_id,
                code=code,
                decision=types.Channel(type=GateDecision),
            )
        )
