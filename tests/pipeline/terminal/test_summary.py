"""The summary that is printed at the end of a run."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from data import metric_names
from pipeline import node_ids
from pipeline.record.run_record import BaselineRecord, GateRecord, NodeRecord, RunRecord, TrainRecord
from pipeline.terminal import summary


def record(**fields: object) -> RunRecord:
    nodes = [NodeRecord(node_ids.CSV_EXAMPLE_GEN, "cached", 0.04, True), NodeRecord(node_ids.TRAINER, "done", 12.34)]
    return RunRecord("one", "taxi", "custom_wide_deep", "c0de", "trips.csv", nodes=nodes, seconds=15.26, **fields)


def printed_lines(record: RunRecord, output_dir: str = "outputs/taxi") -> list[str]:
    """The lines on a narrow screen without trailing spaces. A long line must not be broken."""
    console = Console(file=io.StringIO(), width=60)
    summary.show(record, console, output_dir)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_a_run_that_pushed_shows_nodes_metrics_and_how_to_serve():
    metrics = {
        metric_names.EXAMPLE_COUNT: 3012.0,
        metric_names.AUC: 0.91234,
        metric_names.RMSE: 123.456,
        metric_names.MAE: 12345.6,
        metric_names.CALIBRATION: None,
    }
    pushed = record(status="pushed", pushed_path="outputs/taxi/serving/1700000000", metrics=metrics)
    assert printed_lines(pushed) == [
        "",
        "node           state   seconds",
        "CsvExampleGen  cached      0.0",
        "Trainer        done       12.3",
        "",
        "metric         evaluation split",
        "example_count             3,012",
        "auc                      0.9123",
        "rmse                     123.46",
        "mae                      12,346",
        "calibration                   -",
        "",
        "Blessed and pushed to outputs/taxi/serving/1700000000",
        "Serve it:  tensorflow_model_server --rest_api_port=8501 --model_name=taxi --model_base_path=outputs/taxi/serving",
        "Record: outputs/taxi/run.json   15.3 s",
    ]


def test_paths_below_the_working_directory_are_relative_except_in_the_command_that_serves(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = f"{tmp_path}/outputs/taxi"
    plots = {"plot": f"{output}/runs/one/forecast.png", "trials_plot": f"{output}/runs/one/trials.png"}
    pushed = record(status="pushed", pushed_path=f"{output}/serving/1700000000", **plots)
    assert printed_lines(pushed, output)[-5:] == [
        "Blessed and pushed to outputs/taxi/serving/1700000000",
        f"Serve it:  tensorflow_model_server --rest_api_port=8501 --model_name=taxi --model_base_path={output}/serving",
        "Trials: outputs/taxi/runs/one/trials.png",
        "Forecasts on the evaluation split: outputs/taxi/runs/one/forecast.png",
        "Record: outputs/taxi/run.json   15.3 s",
    ]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"train": TrainRecord(resumed_from=1500, steps=3000)}, "The training continued from its checkpoint at step 1,500."),
        ({"train": TrainRecord(warm_start="It begins with the weights of [run 1].")}, "It begins with the weights of [run 1]."),
        (
            {"metrics": {metric_names.AUC: 0.9}, "baseline": BaselineRecord("1", "m")},
            "Latest blessed model before: m, run 1",
        ),
        ({"status": "unchanged", "why": "Nothing has changed."}, "Unchanged. Nothing has changed."),
        ({"trials_plot": "runs/one/trials.png"}, "Trials: runs/one/trials.png"),
        ({"plot": "runs/one/forecast.png"}, "Forecasts on the evaluation split: runs/one/forecast.png"),
    ],
)
def test_a_fact_of_the_record_is_a_line_of_the_summary(fields, line):
    assert set(printed_lines(record(**fields))) - set(printed_lines(record())) >= {line}


@pytest.mark.parametrize(
    "fields",
    [
        {"train": TrainRecord(resumed_from=0, steps=3000)},
        {"train": TrainRecord(resumed_from=3000, steps=3000)},  # the training took no step
        {"status": "refused", "why": "auc is 0.5."},  # the error at the end of the run gives the reason
        {"gates": [GateRecord(node_ids.DATA_GATE, "passed", "Good. Warning: a word is no warning.")]},
        {"gates": [GateRecord(node_ids.EVALUATOR, "refused", "Bad.", ["The latest blessed model was not used."])]},
    ],
)
def test_a_fact_that_is_not_new_is_left_out(fields):
    assert printed_lines(record(**fields)) == printed_lines(record())


def test_the_warnings_of_a_passed_gate_are_one_line():
    gate = GateRecord(
        node_ids.DATA_GATE, "passed", "Good.", ["'fare' in split 'train': 3 of 9 [rows].", "'note' is a new column."]
    )
    assert "DataGate warns: 'fare' in split 'train': 3 of 9 [rows]. 'note' is a new column." in printed_lines(
        record(gates=[gate])
    )
