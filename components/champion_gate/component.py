"""ChampionGate: is the candidate already what is served?"""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration import data_types
from tfx.types import component_spec, standard_artifacts

from components.champion_gate import executor
from components.gate import GateDecision


class ChampionGateSpec(component_spec.ComponentSpec):
    """Candidate and champion in, a decision out."""

    PARAMETERS = {
        "serving": component_spec.ExecutionParameter(type=str),
        "run_id": component_spec.ExecutionParameter(type=str),
        "code": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "champion": component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {"decision": component_spec.ChannelParameter(type=GateDecision)}


class ChampionGate(base_component.BaseComponent):
    """Stops a run that has nothing new: its model is the one being served, and so a blessed one.

    Without it an unchanged rerun would judge the champion against itself and push it again. The Trainer's model is the
    served one itself only when it came from the cache, that is, when nothing that determines it has changed.

    Component `outputs` contains:
     - `decision`: Channel of type `GateDecision`; "unchanged" if there is nothing to do.
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
            champion: the latest blessed model; may resolve to nothing.
            serving: the folder of versions that the Pusher delivers to.
            run_id: of this run. The gate looks at the serving folder, which no input stands for: a new value in every
                run keeps its decision out of the cache.
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
