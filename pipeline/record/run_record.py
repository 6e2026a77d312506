"""The content of run.json, the file that programs read about a run. `store.py` writes it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timezone
from typing import Any, Literal, TypeAlias

import msgspec

from components.decision import DecisionKind
from pipeline.config.pipeline_config import PipelineConfig
from trainer_module.tuning.trial_summary import TrialState

SCHEMA_VERSION = 1

# The `runner` of a run whose nodes are separate processes. Such a run may continue while no process of it is alive.
ORCHESTRATOR = "orchestrator"

Status: TypeAlias = Literal["running", "pushed", "refused", "failed", "interrupted", "unchanged"]

# "cached": TFX's cache had the result. "reused": a partial run took the result over from an earlier run.
NodeState: TypeAlias = Literal["waiting", "running", "done", "cached", "reused", "skipped", "failed"]


class NodeRecord(msgspec.Struct):
    """One node.

    Attributes:
        id: id of the node.
        state: its state now, or how it ended: "waiting", "running", "done", "cached" (TFX's cache had the result), "reused" (by
            a run with `--from`), "skipped" or "failed".
        seconds: how long it ran.
        cached: whether its result is that of an earlier run.
    """

    id: str
    state: NodeState = "waiting"
    seconds: float = 0.0
    cached: bool = False


class GateRecord(msgspec.Struct):
    """What one gate decided.

    Attributes:
        id: id of the gate's node.
        decision: "passed", "refused" or "unchanged".
        why: the reason and the way out, in one paragraph.
        warnings: findings that did not refuse, but that you should look at; a sentence each.
        metric: of the first refusal that compared a metric; slice, value and bound belong to it.
        slice: "overall" or "column=value".
        value: the value of that metric; None if it was not finite.
        bound: the bound that the value missed.
    """

    id: str
    decision: DecisionKind
    why: str
    warnings: list[str] = []
    metric: str | None = None
    slice: str | None = None
    value: float | None = None
    bound: float | None = None


class TrainRecord(msgspec.Struct, omit_defaults=True):
    """How the training ended. A run without a Trainer's result has none of these keys.

    Attributes:
        steps: global step at which it ended.
        resumed_from: global step from which it continued; 0 for a training from the start.
        ended_by: "steps", or the stop rule in words, such as "no better auc in 500 steps".
        best_step: global step of the checkpoint that is best by `train.best`.
        warm_start: the report of a warm start, one paragraph; the key exists only after a warm start.
    """

    steps: int | None = None
    resumed_from: int | None = None
    ended_by: str | None = None
    best_step: int | None = None
    warm_start: str | None = None


class TrialRecord(msgspec.Struct):
    """One trial of a search: a `trainer_module.tuning.trial_summary.TrialSummary` without `direction` and `curve`."""

    id: str
    state: TrialState
    values: dict[str, Any]
    metric: str
    objective: float | None
    step: int
    steps: int
    seconds: float
    resumed_from: int
    continues: str | None
    why: str
    log: str


class BaselineRecord(msgspec.Struct):
    """The latest blessed model before a run.

    Attributes:
        run_id: the run that trained it; None if MLMD does not know it.
        model: its name; None if MLMD does not know it.
    """

    run_id: str | None
    model: str | None


class RunRecord(msgspec.Struct):
    """The record of one run. Scripts and schedules read it, so its keys and their meaning are stable.

    Attributes:
        run_id: name of the run; its folder is `runs/<run_id>/`.
        dataset: name of the dataset, as on the command line.
        model: name of the model, as on the command line.
        code: hash of the code that the nodes run.
        data: path of the data.
        runner: what executed the nodes: "local", "beam" or "orchestrator".
        schema_version: version of this format.
        status: "running", "pushed", "refused", "failed", "interrupted", or "unchanged": there was nothing new to push, or the
            run stopped after the node of `--to`.
        exit_code: exit code of the run; None while it is running.
        started: time, ISO 8601 in UTC.
        finished: time, ISO 8601 in UTC; None while the run is running.
        seconds: wall time so far.
        nodes: one entry for each node.
        rows: split -> number of examples.
        train: the training.
        hyperparameters: name -> value that the model was trained with.
        trials: the trials of a search.
        metrics: name -> value on the whole evaluation split; None if the value is not finite.
        gates: one entry for each gate that decided.
        blessed: whether the Evaluator blessed the model; None if it did not run.
        baseline: the latest blessed model before this run; None if there is none. If it was not used, a warning of the
            `Evaluator` gives the reason.
        why: the reason for the status, in one paragraph.
        pushed_path: folder of the served version; None if nothing was pushed.
        plot: path of the plot of a forecast; None if there is none.
        trials_plot: path of the plot of a search; None if there is none.
    """

    run_id: str
    dataset: str
    model: str
    code: str
    data: str
    runner: str = ""
    schema_version: int = SCHEMA_VERSION
    status: Status = "running"
    exit_code: int | None = None
    started: str = ""
    finished: str | None = None
    seconds: float = 0.0
    nodes: list[NodeRecord] = []
    rows: dict[str, int] = {}
    train: TrainRecord = msgspec.field(default_factory=TrainRecord)
    hyperparameters: dict[str, Any] = {}
    trials: list[TrialRecord] = []
    metrics: dict[str, float | None] = {}
    gates: list[GateRecord] = []
    blessed: bool | None = None
    baseline: BaselineRecord | None = None
    why: str = ""
    pushed_path: str | None = None
    plot: str | None = None
    trials_plot: str | None = None

    def enter(self, node_id: str, state: NodeState, seconds: float) -> None:
        """Records that a node has entered a state."""
        node = self.node(node_id)
        node.state, node.seconds = state, round(seconds, 2)
        node.cached = state in ("cached", "reused")
        self._count_seconds()

    def node(self, node_id: str) -> NodeRecord:
        """Returns the record of a node."""
        return next(node for node in self.nodes if node.id == node_id)

    @property
    def all_nodes_ended(self) -> bool:
        """Whether no node waits or runs."""
        return all(node.state not in ("waiting", "running") for node in self.nodes)

    def finish(self, status: Status, exit_code: int, why: str) -> None:
        """Writes the end of the run into the record. Nodes that still wait become skipped."""
        self.status, self.exit_code, self.why = status, exit_code, why
        self.finished = _now().isoformat(timespec="microseconds")
        for node in self.nodes:
            if node.state == "waiting":
                node.state = "skipped"
        self._count_seconds()

    def reopen(self, waiting: Collection[str]) -> None:
        """Continues a run that had ended, because one of its nodes is tried again.

        Args:
            waiting: ids of the nodes that depend on that node. Those that were skipped wait again.
        """
        self.status, self.exit_code, self.why, self.finished = "running", None, "", None
        for node in self.nodes:
            if node.id in waiting and node.state == "skipped":
                node.state = "waiting"

    def _count_seconds(self) -> None:
        self.seconds = round((_now() - datetime.fromisoformat(self.started)).total_seconds(), 2)


def new(config: PipelineConfig, run_id: str, code: str, runner: str, node_ids: Iterable[str] = ()) -> RunRecord:
    """Returns the record of a run that begins now.

    Args:
        config: configuration of the run.
        run_id: id of the run.
        code: hash of all code that the nodes run.
        runner: what runs the nodes: "local", "beam", or ORCHESTRATOR.
        node_ids: ids of all nodes of the run.
    """
    return RunRecord(
        run_id=run_id,
        dataset=config.dataset_name,
        model=config.model_name,
        code=code,
        data=config.data_path,
        runner=runner,
        started=_now().isoformat(timespec="microseconds"),
        nodes=[NodeRecord(id=node_id) for node_id in node_ids],
    )


def _now() -> datetime:
    return datetime.now(timezone.utc)
