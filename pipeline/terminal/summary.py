"""The summary that a person sees at the end of a run: nodes, metrics, warnings, how to serve the model."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from data import metric_names
from pipeline.record.run_record import GateRecord, RunRecord
from pipeline.terminal import paths


def show(record: RunRecord, console: Console, output_dir: str) -> None:
    """Prints the summary of a finished run. (A failed run gets an error message instead.)"""
    console.print()
    _nodes(record, console)
    _training(record, console)
    if record.metrics:
        _metrics(record, console)
    for gate in record.gates:
        _warnings(gate, console)
    if record.status == "pushed" and record.pushed_path:
        console.print(f"[green]Blessed and pushed[/] to {paths.shown(record.pushed_path)}", highlight=False, soft_wrap=True)
        _serving(record.pushed_path, record.dataset, console)
    elif record.status == "unchanged":
        console.print(f"[green]Unchanged.[/] {record.why}", highlight=False, soft_wrap=True)
    if record.trials_plot:
        console.print(f"Trials: {paths.shown(record.trials_plot)}", highlight=False, soft_wrap=True)
    if record.plot:
        console.print(f"Forecasts on the evaluation split: {paths.shown(record.plot)}", highlight=False, soft_wrap=True)
    console.print(f"Record: {paths.shown(output_dir)}/run.json   {record.seconds:.1f} s", highlight=False, soft_wrap=True)


def _nodes(record: RunRecord, console: Console) -> None:
    table = Table("node", "state", "seconds", box=None, pad_edge=False)
    table.columns[2].justify = "right"
    for node in record.nodes:
        table.add_row(node.id, node.state, f"{node.seconds:.1f}")
    console.print(table)
    console.print()


def _training(record: RunRecord, console: Console) -> None:
    train = record.train
    if train.resumed_from and train.resumed_from != train.steps:
        console.print(f"The training continued from its checkpoint at step {train.resumed_from:,}.")
    if train.warm_start:
        console.print(train.warm_start, markup=False, highlight=False, soft_wrap=True)


def _warnings(gate: GateRecord, console: Console) -> None:
    """Prints the warnings of a gate that passed. (If a gate did not pass, the last paragraph of the run gives the reason.)"""
    if gate.decision == "passed" and gate.warnings:
        console.print(f"[yellow]{gate.id} warns:[/] ", end="")
        console.print(" ".join(gate.warnings), markup=False, highlight=False, soft_wrap=True)


def _metrics(record: RunRecord, console: Console) -> None:
    table = Table("metric", "evaluation split", box=None, pad_edge=False)
    table.columns[1].justify = "right"
    for name, value in record.metrics.items():
        text = "-" if value is None else f"{value:,.0f}" if name == metric_names.EXAMPLE_COUNT else _number(value)
        table.add_row(name, text)
    console.print(table)
    if record.baseline:
        console.print(f"Latest blessed model before: {record.baseline.model}, run {record.baseline.run_id}")
    console.print()


def _number(value: float) -> str:
    """Formats a number with four decimals; with fewer if it is large, because errors are in the units of the label."""
    return f"{value:.4f}" if abs(value) < 100 else f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:,.2f}"


def _serving(pushed_path: str, dataset: str, console: Console) -> None:
    base = Path(pushed_path).parent  # absolute: tensorflow_model_server takes no relative path
    console.print(
        f"Serve it:  tensorflow_model_server --rest_api_port=8501 --model_name={dataset} --model_base_path={base}",
        highlight=False,
        soft_wrap=True,
    )
